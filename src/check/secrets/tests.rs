//! Credentials and what only looks like one, in the formats people write them in. `@P` stands for a
//! password, `@K` for a key that looks random; both are made up here, so that none is in this file.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{described, scan};
use crate::check::hide;
use crate::manifest::View;
use crate::object::Identity;

/// Values to put for `@P`: as people and programs choose them.
fn passwords() -> Vec<String> {
    let word = ["Copper", "meadow"].concat();
    vec![
        format!("{word}4658"),
        ["hx7", "Qp2mZk", "9sVb4T"].concat(),
        ["Willow", "!river", "51"].concat(),
        ["9f86d081884c7d65", "9a2feaa0c55ad015"].concat(),
        ["pK.7-x_Qw", "2mT9e"].concat(),
        "minioadmin".to_owned(),
        "changeme".to_owned(),
    ]
}

fn key() -> String {
    ["q3Vx9", "LmT2k", "R7Zy4", "Nb8Hd", "5Wc6J", "p1Gf0"].concat()
}

fn fill(text: &str, password: &str) -> String {
    text.replace("@P", password).replace("@K", &key())
}

/// The lines of a file's text on which something is found.
fn lines(name: &str, text: &str) -> Vec<usize> {
    scan::text(name, text)
        .into_iter()
        .map(|found| found.line)
        .collect()
}

/// File name, line of the credential, text.
const FOUND: &[(&str, usize, &str)] = &[
    (
        "application.properties",
        2,
        "server.port=8080\nspring.datasource.password=@P\na=b\n",
    ),
    (
        "gradle.properties",
        1,
        "nexusPassword = @P\norg.gradle.daemon=true\n",
    ),
    ("app.ini", 3, "[database]\nuser = app\npassword = @P\n"),
    ("odbc.ini", 3, "[dsn]\nUID = app\nPWD = @P\n"),
    ("config.toml", 2, "[database]\npassword = \"@P\"\n"),
    ("secrets.toml", 2, "[connections.db]\npassword = '@P'\n"),
    ("main.tfvars", 1, "db_password = \"@P\"\nregion = \"eu\"\n"),
    (
        "vault.hcl",
        2,
        "storage \"consul\" {\n  token = \"@K\"\n}\n",
    ),
    (
        "nats.conf",
        3,
        "authorization {\n  user: app\n  password: \"@P\"\n}\n",
    ),
    (
        "application.conf",
        2,
        "db {\n  password = \"@P\"\n  user = app\n}\n",
    ),
    (
        "core-site.xml",
        3,
        "<configuration>\n<property><name>fs.s3a.secret.key</name>\n<value>@K</value></property></configuration>\n",
    ),
    (
        "hive-site.xml",
        4,
        "<configuration>\n  <property>\n    <name>javax.jdo.option.ConnectionPassword</name>\n    <value>@P</value>\n  </property>\n</configuration>\n",
    ),
    (
        "hibernate.cfg.xml",
        2,
        "<session-factory>\n<property name=\"connection.password\">@P</property>\n</session-factory>\n",
    ),
    (
        "context.xml",
        1,
        "<Resource name=\"jdbc/db\" username=\"app\" password=\"@P\"/>\n",
    ),
    (
        "tomcat-users.xml",
        2,
        "<tomcat-users>\n<user username=\"admin\" password=\"@P\" roles=\"manager\"/>\n</tomcat-users>\n",
    ),
    (
        "web.config",
        2,
        "<connectionStrings>\n<add name=\"Db\" connectionString=\"Server=db;User Id=sa;Password=@P;Encrypt=true\"/>\n</connectionStrings>\n",
    ),
    (
        "settings.xml",
        1,
        "<server><id>r</id><username>u</username><password>@P</password></server>\n",
    ),
    (
        "nuget.config",
        2,
        "<packageSourceCredentials>\n<add key=\"ClearTextPassword\" value=\"@P\" />\n</packageSourceCredentials>\n",
    ),
    (
        "users.xml",
        1,
        "<clickhouse><users><app><password>@P</password></app></users></clickhouse>\n",
    ),
    (
        "wp-config.php",
        3,
        "<?php\ndefine('DB_NAME', 'wp');\ndefine('DB_PASSWORD', '@P');\n",
    ),
    ("config.php", 2, "<?php\n$db_password = '@P';\n"),
    (
        "config.php",
        2,
        "<?php return [\n  'password' => '@P',\n];\n",
    ),
    ("settings.py", 2, "import os\nSECRET_KEY = '@K'\n"),
    (
        "settings.py",
        3,
        "import os\nDATABASES = {'default': {\n    'PASSWORD': '@P',\n}}\n",
    ),
    ("conf.rb", 1, "gitlab_rails['smtp_password'] = \"@P\"\n"),
    ("app.js", 2, "const db = {\n  password: '@P',\n};\n"),
    (
        "appsettings.json",
        2,
        "{\"Jwt\": {\n\"SigningKey\": \"@K\"}}\n",
    ),
    (
        "auth.json",
        1,
        "{\"http-basic\": {\"repo.example.com\": {\"username\": \"u\", \"password\": \"@P\"}}}\n",
    ),
    (
        "realm.json",
        1,
        "{\"clients\": [{\"clientId\": \"a\", \"secret\": \"@K\"}]}\n",
    ),
    (
        "connectors.json",
        1,
        "{\"config\": {\"connection.password\": \"@P\"}}\n",
    ),
    (
        "docker-compose.yml",
        5,
        "services:\n  db:\n    image: postgres\n    environment:\n      POSTGRES_PASSWORD: @P\n",
    ),
    (
        "docker-compose.yml",
        5,
        "services:\n  db:\n    image: postgres\n    environment:\n      - POSTGRES_PASSWORD=@P\n",
    ),
    ("Dockerfile", 2, "FROM alpine\nENV DB_PASSWORD=@P\n"),
    (
        "kibana.yml",
        2,
        "server.name: kibana\nelasticsearch.password: \"@P\"\n",
    ),
    (
        "homeserver.yaml",
        2,
        "server_name: a\nregistration_shared_secret: \"@K\"\n",
    ),
    (
        "inventory.ini",
        2,
        "[web]\nweb1 ansible_user=root ansible_ssh_pass=@P\n",
    ),
    (
        "rclone.conf",
        4,
        "[s3]\ntype = s3\naccess_key_id = x\nsecret_access_key = @K\n",
    ),
    (".s3cfg", 2, "[default]\nsecret_key = @K\n"),
    (".pypirc", 3, "[pypi]\nusername = u\npassword = @P\n"),
    (
        ".netrc",
        1,
        "machine api.example.com login ci password @P\n",
    ),
    (".pgpass", 1, "db.example.com:5432:app:app:@P\n"),
    (".git-credentials", 1, "https://ci:@P@git.example.com\n"),
    ("userlist.txt", 1, "\"app\" \"@P\"\n"),
    (
        "sentinel.conf",
        2,
        "port 26379\nsentinel auth-pass mymaster @P\n",
    ),
    ("users.acl", 1, "user app on >@P ~* +@all\n"),
    ("redis.conf", 1, "masterauth @P\nappendonly yes\n"),
    (
        "spark-defaults.conf",
        2,
        "spark.executor.memory 4g\nspark.hadoop.fs.s3a.secret.key    @K\n",
    ),
    ("turnserver.conf", 2, "realm=a\nstatic-auth-secret=@K\n"),
    ("sssd.conf", 2, "[domain/a]\nldap_default_authtok = @P\n"),
    ("export.ldif", 2, "dn: cn=admin\nuserPassword: @P\n"),
    ("msmtprc", 3, "account default\nuser ci\npassword @P\n"),
    (
        "haproxy.cfg",
        2,
        "userlist u\n    user admin insecure-password @P\n",
    ),
    (
        "httpd.conf",
        2,
        "<Location />\nAuthLDAPBindPassword \"@P\"\n</Location>\n",
    ),
    ("httpd.conf", 1, "SetEnv DB_PASSWORD @P\n"),
    (
        "nginx.conf",
        2,
        "location / {\n  proxy_set_header X-Api-Key \"@K\";\n}\n",
    ),
    ("nginx.conf", 1, "set $api_key \"@K\";\n"),
    (
        "logstash.conf",
        3,
        "output { elasticsearch {\n user => \"elastic\"\n password => \"@P\"\n} }\n",
    ),
    (
        "fluent.conf",
        3,
        "<match **>\n  @type elasticsearch\n  password @P\n</match>\n",
    ),
    (
        "telegraf.conf",
        2,
        "[[outputs.influxdb_v2]]\n  token = \"@K\"\n",
    ),
    (
        "vector.yaml",
        5,
        "sinks:\n  es:\n    auth:\n      user: u\n      password: \"@P\"\n",
    ),
    (
        "otel.yaml",
        4,
        "exporters:\n  otlp:\n    headers:\n      api-key: @K\n",
    ),
    ("init.sql", 1, "CREATE USER app WITH PASSWORD '@P';\n"),
    ("init.sql", 1, "ALTER ROLE app PASSWORD '@P';\n"),
    ("init.sql", 1, "CREATE USER 'a'@'%' IDENTIFIED BY '@P';\n"),
    ("init.sql", 1, "SET PASSWORD FOR 'a'@'%' = '@P';\n"),
    ("init.sql", 1, "CREATE LOGIN app WITH PASSWORD = N'@P';\n"),
    (
        "init.js",
        1,
        "db.createUser({user: 'app', pwd: '@P', roles: []})\n",
    ),
    ("run.sh", 2, "#!/bin/sh\nexport DB_PASSWORD=\"@P\"\n"),
    ("run.sh", 2, "#!/bin/sh\nPGPASSWORD=@P psql -h db\n"),
    ("run.sh", 2, "#!/bin/sh\nmysql -u root -p@P -e 'select 1'\n"),
    ("run.sh", 2, "#!/bin/sh\ncurl -u admin:@P https://es:9200\n"),
    (
        "run.sh",
        3,
        "#!/bin/sh\n/app/server \\\n  --api-key=@K \\\n  --port=80\n",
    ),
    ("run.sh", 2, "#!/bin/sh\nsshpass -p '@P' ssh host\n"),
    ("run.sh", 2, "#!/bin/sh\necho 'root:@P' | chpasswd\n"),
    ("wg0.conf", 2, "[Interface]\nPrivateKey = @K@K\n"),
    (
        "jaas.conf",
        2,
        "KafkaClient {\n  org.apache.kafka.common.security.plain.PlainLoginModule required username=\"a\" password=\"@P\";\n};\n",
    ),
    (
        "client.properties",
        1,
        "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username=\"a\" password=\"@P\";\n",
    ),
    (
        "profiles.yml",
        4,
        "p:\n  outputs:\n    dev:\n      password: \"@P\"\n",
    ),
    (
        "airflow.cfg",
        2,
        "[database]\nsql_alchemy_conn = postgresql+psycopg2://airflow:@P@db/airflow\n",
    ),
    ("config.lua", 2, "local M = {}\nM.api_key = \"@K\"\n"),
    ("envoy.lua", 1, "h:headers():add('x-api-key','@K')\n"),
    ("main.go", 2, "package main\nvar apiToken = \"@K\"\n"),
    ("Main.java", 2, "package a;\nString password = \"@P\";\n"),
    ("dsn.txt", 1, "app:@P@tcp(db:3306)/app\n"),
    ("dsn.txt", 1, "host=db user=app password=@P dbname=app\n"),
    ("conn.txt", 1, "Server=db;Database=app;Uid=sa;Pwd=@P;\n"),
    (
        "jdbc.txt",
        1,
        "jdbc:postgresql://db/app?user=app&password=@P\n",
    ),
    ("jdbc.txt", 1, "jdbc:oracle:thin:app/@P@//db:1521/x\n"),
    ("proxy.txt", 1, "http_proxy=http://u:@P@proxy:3128\n"),
    ("smtp.yaml", 3, "smtp:\n  user: app\n  pass: @P\n"),
    ("cluster.yaml", 2, "port: 1\nclusterkey: @K\n"),
    (
        "secret.yaml",
        5,
        "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData:\n  password-replica: @P\n",
    ),
    (
        "secret.yaml",
        5,
        "apiVersion: v1\nkind: Secret\nmetadata: {name: api}\nstringData:\n  client1: changeme\n",
    ),
    (
        "values.yaml",
        4,
        "database:\n  existingSecret: web-db\n  keys:\n    password: changeme\n",
    ),
    (
        "values.yaml",
        3,
        "database:\n  clientSecret: ''\n  keys: {password: password}\n",
    ),
    (
        "values.yaml",
        3,
        "secretKeys:\n  token: token\n  password: @P\n",
    ),
    ("values.yaml", 1, "keyboard: {password: password}\n"),
    (
        "values.yaml",
        3,
        "existingSecret: web\nkeys:\n  a: {password: password}\n",
    ),
    (
        "redis.conf",
        2,
        "save 900 1\nrequirepass replace-default-auth\n",
    ),
    ("redis.conf", 1, "masterauth copper-meadow\nsave 900 1\n"),
    (
        "httpd.conf",
        2,
        "<Location />\nAuthLDAPBindPassword copper-meadow\n</Location>\n",
    ),
    (
        "run.sh",
        2,
        "#!/bin/sh\nmc --config-dir=/config config host add a http://minio:9000 app @P\n",
    ),
    (
        "run.sh",
        2,
        "#!/bin/sh\nmc -C /config alias set a http://minio:9000 app @P\n",
    ),
    (
        "run.sh",
        2,
        "#!/bin/sh\ndocker --config /tmp/docker login -u ci -p @P r.example.com\n",
    ),
    ("dsn.txt", 1, "app:@P@(db:3306)/app\n"),
    ("a.env", 1, "VAULT_DEV_ROOT_TOKEN_ID=root\n"),
    ("a.env", 1, "RABBITMQ_ERLANG_COOKIE=openstack-cookie\n"),
    ("config.yml", 2, "http:\n  secret: not-so-secret-secret\n"),
    ("a.env", 1, "JWT_TOKEN=demo-supersecret-1\n"),
    (
        "a.env",
        1,
        "UNLEASH_API_TOKEN=default:development.unleash-insecure-api-token\n",
    ),
    (
        "secret.yaml",
        5,
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  schema.registry.basic.auth.user.info: app:@P\n",
    ),
    (
        "proxysql.cnf",
        2,
        "admin_variables={\n  admin_credentials=\"admin:admin\"\n}\n",
    ),
    ("a.env", 1, "API_KEY=secret\n"),
    ("a.php", 2, "<?php\ndefine('API_TOKEN', 'changeme');\n"),
    ("application.properties", 1, "db.password:@P\n"),
    ("README.md", 1, "psql postgres://APP:@P@db/app\n"),
    ("README.md", 1, "psql postgres://app:PASSWORD@db/app\n"),
    ("README.md", 1, "psql postgres://APP:HUNTER@db/app\n"),
];

/// File name and text in which nothing may be found.
const NOT_FOUND: &[(&str, &str)] = &[
    ("a.sql", "ALTER USER app WITH PASSWORD :'app_password';\n"),
    (
        "a.sh",
        "run \"$DATABASE_USER\" \"$DATABASE_PASSWORD\" \"-h\" \"$DATABASE_HOST\"\n",
    ),
    (
        "a.txt",
        "login = \"\"\"{\"password\": \"{DB_PASSWORD}\"}\"\"\"\n",
    ),
    (
        "a.txt",
        "{{- range $secret := .Secrets }}\n- {{ $secret }}\n{{- end }}\n",
    ),
    (
        "a.txt",
        "a blob: VGhlcmUgaXMgbm90aGluZzQyIGluIGl0/u+Kq7ZbWn3TfRyV9sLx2\n",
    ),
    (
        "a.yaml",
        "apiVersion: k8s.nginx.org/v1\nkind: VirtualServer\nmetadata: {name: web}\nspec:\n  routes:\n  - path: /\n    action: {pass: backend-v2}\n",
    ),
    (
        "a.yaml",
        "apiVersion: kafka.strimzi.io/v1\nkind: KafkaConnect\nmetadata: {name: web}\nspec:\n  authentication:\n    passwordSecret: {secretName: web, password: password}\n",
    ),
    (
        "values.yaml",
        "database:\n  existingSecret: web-db\n  keys:\n    username: username\n    password: password\n",
    ),
    (
        "values.yaml",
        "auth:\n  existingSecret: ''\n  secretKeys:\n    password: postgres-password\n    token: token\n",
    ),
    (
        "values.yaml",
        "existingSecretKeyMapping:\n  password: password\n  secret: client-secret\n",
    ),
    (
        "values.yaml",
        "secretRef: {name: web}\nkeyMapping: {password: password}\n",
    ),
    (
        "README.md",
        "The address has the form `postgresql://USER:PASSWORD@HOST:5432/DATABASE`.\n",
    ),
    (
        "values.yaml",
        "# a comment\nurl: amqp://MQ_USER:MQ_PASSWORD@mq:5672\ndsn: mysql://<user>:<password>@<host>/web\n",
    ),
    (
        "a.yaml",
        "labels:\n  secret: [status, secret]\n  token: [token, name]\n",
    ),
    (
        "a.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: web}\nstringData:\n  htpasswd: web:$apr1$Qm2xVb7K$Zk3pWq8LrT5nYd1HsFg4u.\n",
    ),
    (
        "a.properties",
        "db.password=${DB_PASSWORD}\ndb.password.file=/run/secrets/db\n",
    ),
    (
        "a.properties",
        "password.min.length=12\npassword.policy=strong\ntoken.ttl=3600\ntoken.url=https://a.example.com/token\n",
    ),
    ("a.env", "DB_PASSWORD=\nAPI_TOKEN=\n"),
    (
        "a.env",
        "PASSWORD_FILE=/run/secrets/password\nTOKEN_PATH=/var/token\nSECRET_NAME=app-db\n",
    ),
    (
        "a.yaml",
        "credentials:\n  mode: service_account\n  identity: 7d9bc8a2-6f3e-4f0e-9c52-0a3b6f1f7c11\n",
    ),
    (
        "a.yaml",
        "credentials: {client_id: 0oa7x1q9ZkP3mVtR2wd4, clientId: 0oa7x1q9ZkP3mVtR2wd4}\n",
    ),
    (
        "a.yaml",
        "auth:\n  existingSecret: app-credentials\n  secretKeys:\n    adminPasswordKey: postgres-password\n",
    ),
    (
        "a.yaml",
        "password: ENC[AES256_GCM,data:aGVsbG8gd29ybGQ=,iv:abc=,tag:def=,type:str]\n",
    ),
    (
        "a.yaml",
        "password: '{cipher}AQA1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6'\n",
    ),
    (
        "a.yaml",
        "password: vault:secret/data/app#password\ntoken: ref+vault://kv/app#token\n",
    ),
    (
        "a.yaml",
        "# password: Hunter2Hunter\n#   token: abcdef123456\nkey: value\n",
    ),
    ("a.ini", ";password = Hunter2Hunter\n[a]\nb = c\n"),
    (
        "a.py",
        "import os\npassword = os.environ['DB_PASSWORD']\ntoken = get_token()\nsecret = config.secret\n",
    ),
    (
        "a.js",
        "const password = process.env.DB_PASSWORD;\nconst token = body.token.value;\n",
    ),
    (
        "a.go",
        "package a\ntype C struct {\n\tPassword string `json:\"password\"`\n}\nfunc f(token string) {}\n",
    ),
    (
        "a.ts",
        "interface A {\n  password: string;\n  token?: string;\n}\n",
    ),
    ("a.cue", "package a\npassword: parameter.password\n"),
    (
        "a.sh",
        "#!/bin/sh\nDB_PASSWORD=\"$(cat /run/secrets/db)\"\nif [ -z \"$DB_PASSWORD\" ]; then echo 'password missing'; fi\n",
    ),
    (
        "a.sh",
        "#!/bin/sh\nmysql -u root -p\"$MYSQL_ROOT_PASSWORD\"\ncurl -u \"$USER:$PASSWORD\" https://a\n",
    ),
    (
        "a.sql",
        "CREATE USER app WITH PASSWORD '${APP_PASSWORD}';\nCREATE TABLE t (password VARCHAR(255), token TEXT);\n",
    ),
    (
        "messages.json",
        "{\"password\": \"Passwort\", \"forgot_password\": \"Passwort vergessen?\", \"token\": \"Jeton\"}\n",
    ),
    (
        "en.json",
        "{\"password\": \"Password\", \"login.password.hint\": \"At least twelve characters\", \"api_key\": \"API key\"}\n",
    ),
    (
        "README.md",
        "# App\n\nSet `password: hunter2` in your values. The token expires after a day.\n",
    ),
    (
        "nginx.conf",
        "auth_basic_user_file /etc/nginx/.htpasswd;\nproxy_set_header Authorization $http_authorization;\nproxy_set_header X-Token $token;\n",
    ),
    (
        "sshd_config",
        "PasswordAuthentication no\nPermitEmptyPasswords no\nAuthorizedKeysFile .ssh/authorized_keys\n",
    ),
    (
        "schema.json",
        "{\"properties\": {\"password\": {\"type\": \"string\", \"minLength\": 12}, \"token\": {\"type\": \"string\"}}}\n",
    ),
    (
        "a.proto",
        "message Login { string password = 1; string token = 2; }\n",
    ),
    (
        "a.graphql",
        "type Mutation { login(user: String!, password: String!): Token! }\n",
    ),
    (
        "id_rsa.pub",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7vbqajDhA me@host\n",
    ),
    (
        "known_hosts",
        "git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n",
    ),
    (
        "a.txt",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n",
    ),
    (
        "a.yaml",
        "image: registry.example.com/token-service@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n",
    ),
    (
        "a.yaml",
        "checksum/secret: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\ngit_commit: 9fceb02d0ae598e95dc970b74767f19372d61af8\n",
    ),
    (
        "a.yaml",
        "requestId: 123e4567-e89b-42d3-a456-426614174000\nclusterId: MkU3OEVBNTcwNTJENDM2Qk\n",
    ),
    (
        "a.yaml",
        "apiKeySecretRef:\n  name: openai\n  key: api-key\ntokenSecretName: github\n",
    ),
    (
        "a.yaml",
        "passwordPolicy: upper,lower,digit\npasswordHash: $2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy\n",
    ),
    (
        "a.yaml",
        "message: 'no password: literals'\nrule: password=..., token=... must be references\n",
    ),
    (
        "a.yaml",
        "url: https://api.example.com/oauth/token\ntokenEndpoint: https://a.example.com/t\njwks_uri: https://a.example.com/keys\n",
    ),
    (
        "a.yaml",
        "validation: '^(?=.*[A-Z])[A-Za-z0-9]{12,}$'\npasswordRegex: '^[a-z]{8,}$'\n",
    ),
    (
        "a.conf",
        "redis://redis:6379/0\nmongodb://mongo:27017/app\npostgres://$(DB_USER):$(DB_PASSWORD)@db/app\n",
    ),
    (
        "a.yaml",
        "sort_key: created_at\npartition-key: tenant\nprimaryKey: id\npublicKey: MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n",
    ),
    (
        "cassette.yaml",
        "max_tokens: 4096\ntokens: 128\ntokenizer: cl100k_base\n",
    ),
    (
        "a.tf",
        "variable \"db_password\" {\n  type      = string\n  sensitive = true\n}\npassword = var.db_password\n",
    ),
    (
        "a.j2",
        "password = {{ db_password }}\ntoken: {{ lookup('env', 'TOKEN') }}\n",
    ),
    (
        "a.tmpl",
        "your password reset token is {{ .Token }} and expires in 15 minutes.\n",
    ),
    ("a.csv", "name,password,token\n"),
    ("sudoers", "app ALL=(ALL) NOPASSWD:ALL\n"),
    (
        "a.env",
        "MYSQL_ALLOW_EMPTY_PASSWORD=1\nLOGIN_WITHOUT_PASSWORD=admin\n",
    ),
    (
        "a.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {OS_AUTH_TYPE: password, grant.method: password}\n",
    ),
    (
        "a.yaml",
        "keyToEnv: [{envVar: PASSWORD, secretKey: password}]\nof: {secretNameParameter: a, secretKey: password}\n",
    ),
    (
        "deployment.toml",
        "[db]\nname = \"a\"\npassword = \"$ref{super_admin.password}\"\n",
    ),
    (
        "a.env",
        "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
    ),
    (
        "controller.py",
        "DEFAULT_CREDS_KEY = \"password\"\nSTRING_KEY = \"secret\"\n",
    ),
    (
        "api-paste.ini",
        "[filter:authpassword]\npaste.filter_factory = heat.common.auth_password:filter_factory\n",
    ),
    (
        "api-paste.ini",
        "[filter:noauth]\npaste.filter_factory = manila.api.middleware.auth:NoAuthMiddlewarev2_60.factory\n",
    ),
    (
        "compute.filters",
        "[Filters]\nread_passwd: RegExpFilter, cat, root, cat, /tmp/fs[^/]+/etc/passwd\n",
    ),
    (
        "a.txt",
        "x: 1\nbody.sig.compareSecret('token', 'mysecret')\n",
    ),
    ("a.txt", "type C struct {\n\tDBPassword SecretString\n}\n"),
    (
        "nginx.conf",
        "location / {\n  proxy_pass backend;\n  fastcgi_pass app;\n}\n",
    ),
    ("a.env", "TOKEN_ID=root\nUSER_INFO=app\n"),
    (
        "a.yaml",
        "keyStore:\n  type: PKCS12\n  location: /etc/tls/keystore.p12\nssl.keystore.password: ${KEYSTORE_PASSWORD}\n",
    ),
    (
        "a.ini",
        "[auth]\npassword = <your password>\ntoken = YOUR_TOKEN\nsecret = ********\n",
    ),
];

#[test]
fn credentials_are_found_on_their_line_in_every_format() {
    let mut missed = Vec::new();
    for (name, line, text) in FOUND {
        for password in passwords() {
            let text = fill(text, &password);
            let found = lines(name, &text);
            if found != [*line] {
                missed.push(format!(
                    "{name}: expected line {line}, found {found:?} in\n{text}"
                ));
            }
            if !text.contains("@P")
                && !FOUND
                    .iter()
                    .any(|(_, _, t)| t.contains("@P") && fill(t, &password) == text)
            {
                break;
            }
        }
    }
    assert!(
        missed.is_empty(),
        "{} missed\n{}",
        missed.len(),
        missed.join("\n")
    );
}

#[test]
fn what_only_looks_like_a_credential_is_left_alone() {
    let mut wrong = Vec::new();
    for (name, text) in NOT_FOUND {
        let found = scan::text(name, text);
        if !found.is_empty() {
            wrong.push(format!("{name}: {found:?} in\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is said of an object's credentials; `templated` says that it comes from a template.
fn said(object: &Value, templated: bool) -> Vec<String> {
    let view = View::Json(object);
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    let identity = Identity::read(view, text("apiVersion").into(), text("kind").into()).unwrap();
    let violations = super::judge(view, &identity, "", templated);
    violations.into_iter().map(|said| said.message).collect()
}

#[test]
fn only_what_comes_from_a_template_is_said_to_be_generated_by_one() {
    let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
        "stringData": {"password": key()}});
    for templated in [true, false] {
        let said = said(&object, templated).concat();
        assert_eq!(
            said.contains("likely generated by the template"),
            templated,
            "{said}"
        );
    }
}

#[test]
fn flags_of_java_are_called_by_the_property_they_set() {
    for (flag, name) in [
        (
            "-Djavax.net.ssl.trustStorePassword",
            "javax.net.ssl.trustStorePassword",
        ),
        ("-Dpassword", "password"),
        ("-DB_PASSWORD", "B_PASSWORD"),
        ("-DatabasePassword", "DatabasePassword"),
        ("--DefaultPassword", "DefaultPassword"),
        ("--db.password", "db.password"),
    ] {
        let flag = format!("{flag}=Copper4658");
        let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
            "spec": {"containers": [{"name": "a", "args": [flag]}]}});
        let expected = format!("{name} holds a password of 10 characters in the clear");
        assert_eq!(said(&object, false), [expected]);
    }
}

#[test]
fn no_length_is_given_of_a_private_key_of_which_one_line_was_read() {
    let key = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n{}\n-----END PRIVATE KEY-----\n",
        key(),
        key()
    );
    let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
        "stringData": {"tls.key": key}});
    let said = said(&object, false).concat();
    assert!(
        said.contains("holds a private key") && !said.contains("character"),
        "{said}"
    );
}

/// Pieces of which texts are made that come close to what is looked for.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("password".to_owned()),
        Just("API_KEY".to_owned()),
        Just("https://u:p@h".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----".to_owned()),
        Just("<name>token</name><value>".to_owned()),
        Just("\n  ".to_owned()),
        "[=:,;\"'<>{}\\[\\]\\\\ \\-]{1,3}",
        "[A-Za-z0-9+/_.~-]{1,40}",
        "\\PC{1,6}",
    ]
}

proptest! {
    /// Whatever the text: no panic, a line that exists, and nothing said that stands in the text.
    #[test]
    fn any_text_is_read_and_none_is_repeated(pieces in prop::collection::vec(piece(), 0..40), name in "[a-z]{0,6}(\\.(py|md|env|xml|json))?") {
        let text = pieces.concat();
        for found in scan::text(&name, &text) {
            prop_assert!(found.line >= 1 && found.line <= text.matches('\n').count() + 1);
            if !found.hit.encoded {
                let credential = text.get(found.hit.at..found.hit.at + found.hit.span);
                prop_assert!(credential.is_some(), "{found:?}");
                // "a password" is said of the well-known default `password` too.
                let said = described(&found.hit).replacen(found.hit.what, "", 1);
                prop_assert!(credential.is_some_and(|c| c.len() < 8 || !said.contains(c)), "{said}");
            }
        }
        let _ = hide::lines(&text);
    }
}
