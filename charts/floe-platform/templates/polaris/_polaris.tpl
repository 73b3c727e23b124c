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
