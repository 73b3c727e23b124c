{{/* Where the catalog is kept: the same for the server and for what prepares its database. */}}
{{- define "floe.polarisEnv" -}}
{{- $database := .Values.polaris.database -}}
- name: POLARIS_PERSISTENCE_TYPE
  value: {{ .Values.polaris.persistence }}
{{- if eq .Values.polaris.persistence "relational-jdbc" }}
- name: QUARKUS_DATASOURCE_JDBC_URL
  value: jdbc:postgresql://{{ include "floe.databaseHost" . }}:{{ include "floe.databasePort" . }}/{{ $database.name }}?sslmode={{ include "floe.databaseSslMode" . }}
- name: QUARKUS_DATASOURCE_USERNAME
  value: {{ $database.user | quote }}
{{ include "floe.secretEnv" (list "QUARKUS_DATASOURCE_PASSWORD" (include "floe.databaseSecret" (list . "polaris")) "password") }}
{{- end }}
{{- end }}

{{/*
The catalogs that a Job creates, as a map of names to settings; nothing where there is no such Job.
The first is the one that this release's platform.yaml names. A product whose platform.yaml names
another one here gets that too.
*/}}
{{- define "floe.polarisCatalogs" -}}
{{- if and (include "floe.runs" (list . "polaris")) .Values.polaris.createCatalogs.enabled }}
{{- $all := dict .Values.polaris.warehouse dict -}}
{{- $product := .Values.floe.catalog -}}
{{- if and $product.warehouse (eq (toString $product.uri) (include "floe.catalogUri" .)) }}
{{- if not (regexMatch "^[A-Za-z0-9][A-Za-z0-9_.-]*$" $product.warehouse) }}
{{- fail (printf "floe.catalog.warehouse: the Job that creates catalogs takes letters, digits, - _ and . only, not %q; set polaris.createCatalogs.enabled to false and create it yourself" $product.warehouse) }}
{{- end }}
{{- $_ := set $all $product.warehouse dict -}}
{{- end }}
{{- range .Values.polaris.catalogs }}{{ $_ := set $all .name (omit . "name") }}{{ end -}}
{{ toYaml $all }}
{{- end }}
{{- end }}

{{/* What Polaris is asked to create, as JSON. Takes (list root name settings). */}}
{{- define "floe.polarisCatalog" -}}
{{- $root := index . 0 -}}
{{- $storage := $root.Values.storage -}}
{{- $own := index . 2 -}}
{{- $location := $own.location | default (printf "s3://%s/%s/" $storage.bucket (index . 1)) -}}
{{- $info := dict "storageType" "S3" "allowedLocations" (list $location) "region" $storage.region -}}
{{- if or $storage.endpoint $root.Values.minio.enabled }}
{{- $_ := set $info "endpoint" (include "floe.storageEndpoint" $root) -}}
{{- $_ := set $info "pathStyleAccess" (eq (include "floe.storagePathStyle" $root) "true") -}}
{{- end }}
{{- if $own.roleArn }}
{{- $_ := set $info "roleArn" $own.roleArn -}}
{{- else if not $root.Values.minio.enabled }}
{{- /* Nobody gives Polaris credentials to hand on: products use their own. */}}
{{- $_ := set $info "stsUnavailable" true -}}
{{- end }}
{{- $catalog := dict "name" (index . 1) "type" "INTERNAL" "properties" (dict "default-base-location" $location) "storageConfigInfo" $info -}}
{{- dict "catalog" $catalog | toJson -}}
{{- end }}

{{/* The pod of the Job that creates catalogs. */}}
{{- define "floe.polarisCatalogsPod" -}}
{{- $root := include "floe.secretName" (list . .Values.polaris.existingSecret "polaris-root") -}}
{{ include "floe.pod" (dict "root" . "component" "polaris-catalogs" "uid" 100) }}
restartPolicy: Never
containers:
  - name: create
    {{- include "floe.pull" (list . .Values.tests.image) | nindent 4 }}
    command: [sh, /etc/polaris/catalogs/create.sh]
    env:
      - name: POLARIS_URL
        value: http://{{ include "floe.fullname" . }}-polaris:8181
      - name: REALM
        value: {{ .Values.polaris.realm | quote }}
      {{- include "floe.secretEnv" (list "ROOT_CLIENT_ID" $root "client-id") | nindent 6 }}
      {{- include "floe.secretEnv" (list "ROOT_CLIENT_SECRET" $root "client-secret") | nindent 6 }}
    securityContext:
      {{- include "floe.security" . | nindent 6 }}
    resources:
      {{- include "floe.resources" (list . "polaris-catalogs" .Values.polaris.createCatalogs.resources) | nindent 6 }}
    volumeMounts:
      - {name: catalogs, mountPath: /etc/polaris/catalogs, readOnly: true}
      - {name: scratch, mountPath: /tmp}
volumes:
  - name: catalogs
    configMap:
      name: {{ include "floe.fullname" . }}-polaris-catalogs
  # In memory, because it holds credentials for a moment.
  - name: scratch
    emptyDir: {medium: Memory, sizeLimit: 16Mi}
{{- end }}
