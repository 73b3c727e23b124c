{{/* Variables with which every process of Dagster finds its instance. */}}
{{- define "floe.dagsterEnv" -}}
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
