{{/* Variables with which every process of Dagster finds its database. */}}
{{- define "floe.dagsterDatabaseEnv" -}}
- name: DAGSTER_HOME
  value: /opt/dagster/home
# Libraries keep caches below it.
- name: HOME
  value: /tmp
- name: PYTHONDONTWRITEBYTECODE
  value: "1"
- name: DAGSTER_PG_HOST
  value: {{ include "floe.databaseHost" . | quote }}
- name: DAGSTER_PG_PORT
  value: {{ include "floe.databasePort" . | quote }}
{{ include "floe.secretEnv" (list "DAGSTER_PG_PASSWORD" (include "floe.databaseSecret" (list . "dagster")) "password") }}
{{- end }}

{{/* Variables with which those that run or show something find the whole instance. */}}
{{- define "floe.dagsterEnv" -}}
{{ include "floe.dagsterDatabaseEnv" . }}
{{- if eq .Values.dagster.computeLogs "s3" }}
{{ include "floe.storageEnv" . }}
{{- end }}
{{- end }}

{{/* The instance's file, and the directories that Dagster writes to. */}}
{{- define "floe.dagsterMounts" -}}
- name: scratch
  mountPath: /opt/dagster/home
  subPath: home
- name: scratch
  mountPath: /tmp
  subPath: tmp
{{- end }}

{{/* The instance's settings that say where its database is. */}}
{{- define "floe.dagsterStorage" -}}
storage:
  postgres:
    postgres_db:
      hostname: {env: DAGSTER_PG_HOST}
      port: {env: DAGSTER_PG_PORT}
      username: {{ .Values.dagster.database.user | quote }}
      password: {env: DAGSTER_PG_PASSWORD}
      db_name: {{ .Values.dagster.database.name | quote }}
      params:
        sslmode: {{ include "floe.databaseSslMode" . }}
        {{- /* An address whose pod is gone answers nothing, and libpq would wait as long as the kernel
        does: minutes. All are seconds, but tcp_user_timeout, which is milliseconds. */}}
        connect_timeout: 10
        keepalives_idle: 10
        keepalives_interval: 5
        keepalives_count: 3
        tcp_user_timeout: 25000
telemetry:
  enabled: false
{{- end }}

{{- define "floe.dagsterVolumes" -}}
- name: scratch
  emptyDir:
    sizeLimit: 1Gi
{{- end }}

{{- define "floe.dagsterInstance" -}}
- name: instance
  mountPath: /opt/dagster/home/dagster.yaml
  subPath: dagster.yaml
- name: instance
  mountPath: /etc/dagster/workspace.yaml
  subPath: workspace.yaml
{{- end }}

{{/* Variables of the containers that hold a product's code, without doubles: the product's own win. */}}
{{- define "floe.dagsterProductEnv" -}}
{{- $product := include "floe.productEnv" (list . "transform") | fromYamlArray -}}
{{- $given := dict -}}
{{- range $product }}{{ $_ := set $given .name true }}{{ end -}}
{{- range include "floe.dagsterEnv" . | fromYamlArray }}
{{- if not (hasKey $given .name) }}{{ $product = append $product . }}{{ end }}
{{- end }}
{{- toYaml $product }}
{{- end }}

{{/* Labels of run pods: the same on the template that the filter reads and on what the launcher makes. */}}
{{- define "floe.runLabels" -}}
{{ include "floe.labels" (list . "transform") }}
{{- with include "floe.productLabels" . }}
{{ . }}
{{- end }}
{{- end }}

{{/* Whether a Job brings the schema of Dagster's database up to date; empty means no. */}}
{{- define "floe.migrates" -}}
{{- if and .Values.dagster.enabled .Values.dagster.migration.enabled }}true{{ end -}}
{{- end }}

{{/* The pod of that Job. A database that is up to date already stays as it is. */}}
{{- define "floe.migrationPod" -}}
{{ include "floe.pod" (dict "root" . "component" "dagster-migrate" "uid" 1000) }}
restartPolicy: Never
initContainers:
  {{- include "floe.waitForDatabase" . | nindent 2 }}
containers:
  - name: migrate
    {{- include "floe.pull" (list . .Values.dagster.image) | nindent 4 }}
    command: [dagster, instance, migrate]
    env:
      {{- include "floe.dagsterDatabaseEnv" . | nindent 6 }}
    securityContext:
      {{- include "floe.security" . | nindent 6 }}
    resources:
      {{- include "floe.resources" (list . "dagster-migrate" .Values.dagster.migration.resources) | nindent 6 }}
    volumeMounts:
      {{- include "floe.dagsterMounts" . | nindent 6 }}
      # It needs the database and nothing else, so it is told of nothing else.
      - name: instance
        mountPath: /opt/dagster/home/dagster.yaml
        subPath: dagster.yaml
volumes:
  {{- include "floe.dagsterVolumes" . | nindent 2 }}
  - name: instance
    configMap:
      name: {{ include "floe.fullname" . }}-dagster
      items:
        - {key: migrate.yaml, path: dagster.yaml}
{{- end }}
