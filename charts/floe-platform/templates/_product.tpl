{{/*
What a compiled artifact says about a product, as its containers get it. charts/floe-platform and
charts/floe-jobs have this file in common, and the variables are those of the filter, so that pods
are the same whichever of the three wrote them. What the artifact does not say comes from the
templates floe.storageEndpoint, floe.catalogUri, floe.otlpEndpoint and floe.lineageEndpoint of the
chart.
*/}}

{{/* A variable with a literal value. Takes (list variable value); nothing where the value is empty. */}}
{{- define "floe.plainEnv" -}}
{{- $value := index . 1 -}}
{{- if ne (toString $value) "" }}
- name: {{ index . 0 }}
  value: {{ toString $value | quote }}
{{- end }}
{{- end }}

{{/* An address: from a Secret, as the artifact has it, or the chart's own. Takes (list variable block key fallback). */}}
{{- define "floe.addressEnv" -}}
{{- $block := index . 1 -}}
{{- $key := index . 2 -}}
{{- with index $block (printf "%sFrom" $key) }}
- name: {{ index $ 0 }}
  valueFrom:
    {{- toYaml . | nindent 4 }}
{{- else }}
{{- include "floe.plainEnv" (list (index . 0) (index $block $key | default (index . 3))) }}
{{- end }}
{{- end }}

{{/* The variables of a product's containers. Takes (list root component). */}}
{{- define "floe.productEnv" -}}
{{- $root := index . 0 -}}
{{- $floe := $root.Values.floe -}}
{{- $given := dict -}}
{{- range $floe.env }}{{ $_ := set $given .name true }}{{ end -}}
{{- $env := list -}}
{{- range include "floe.productSettings" $root | fromYamlArray }}
{{- if not (hasKey $given .name) }}{{ $env = append $env . }}{{ end }}
{{- end }}
{{- $sizes := index $floe.resources (index . 1) | default dict -}}
{{- range $name, $value := $sizes.env | default dict }}
{{- $env = append $env (dict "name" $name "value" (toString $value)) }}
{{- end }}
{{- concat $env $floe.env | toYaml }}
{{- end }}

{{/* Where the bucket is when the artifact names no address: on AWS if it names a bucket of S3, else the chart's own. */}}
{{- define "floe.productStorageEndpoint" -}}
{{- $storage := .Values.floe.storage -}}
{{- if not $storage.type }}{{ include "floe.storageEndpoint" . }}
{{- else if eq $storage.type "s3" }}https://s3.{{ $storage.region | default "us-east-1" }}.amazonaws.com
{{- end -}}
{{- end }}

{{- define "floe.productSettings" -}}
{{- $floe := .Values.floe -}}
{{- $storage := $floe.storage -}}
{{- $catalog := $floe.catalog -}}
{{- $compute := $floe.compute -}}
{{- $signals := $floe.observability -}}
{{- $product := $floe.product -}}
- name: FLOE_PLATFORM_ENV
  value: {{ .Values.global.environment | quote }}
- name: TZ
  value: {{ $floe.timezone | quote }}
{{- include "floe.plainEnv" (list "FLOE_STORAGE_PROFILE" ($storage.profile | default "")) }}
{{- include "floe.plainEnv" (list "FLOE_STORAGE_TYPE" ($storage.type | default "")) }}
{{- include "floe.plainEnv" (list "FLOE_STORAGE_BUCKET" ($storage.bucket | default "")) }}
{{- include "floe.plainEnv" (list "FLOE_STORAGE_REGION" ($storage.region | default "")) }}
{{- if hasKey $storage "pathStyleAccess" }}
{{- include "floe.plainEnv" (list "FLOE_STORAGE_PATH_STYLE_ACCESS" $storage.pathStyleAccess) }}
{{- end }}
{{- include "floe.plainEnv" (list "FLOE_STORAGE_CREDENTIALS" ($storage.credentials | default "")) }}
{{- include "floe.addressEnv" (list "FLOE_STORAGE_ENDPOINT" $storage "endpoint" (include "floe.productStorageEndpoint" .)) }}
{{- if eq ($storage.type | default "") "s3" }}
{{- include "floe.plainEnv" (list "AWS_REGION" ($storage.region | default "")) }}
{{- include "floe.addressEnv" (list "AWS_ENDPOINT_URL_S3" $storage "endpoint" (include "floe.productStorageEndpoint" .)) }}
{{- end }}
{{- include "floe.plainEnv" (list "FLOE_CATALOG_PROFILE" ($catalog.profile | default "")) }}
{{- include "floe.plainEnv" (list "FLOE_CATALOG_TYPE" ($catalog.type | default "")) }}
{{- include "floe.plainEnv" (list "FLOE_CATALOG_WAREHOUSE" ($catalog.warehouse | default "")) }}
{{- include "floe.plainEnv" (list "FLOE_CATALOG_NAMESPACE" ($catalog.namespace | default "")) }}
{{- include "floe.plainEnv" (list "FLOE_CATALOG_ACCESS_DELEGATION" ($catalog.accessDelegation | default "")) }}
{{- if hasKey $catalog "tokenRefresh" }}
{{- include "floe.plainEnv" (list "FLOE_CATALOG_TOKEN_REFRESH" $catalog.tokenRefresh) }}
{{- end }}
{{- include "floe.plainEnv" (list "FLOE_CATALOG_CREDENTIALS" ($catalog.credentials | default "")) }}
{{- include "floe.addressEnv" (list "FLOE_CATALOG_URI" $catalog "uri" (include "floe.catalogUri" .)) }}
{{- include "floe.plainEnv" (list "FLOE_COMPUTE_PROFILE" ($compute.profile | default "")) }}
{{- include "floe.plainEnv" (list "FLOE_COMPUTE_TYPE" ($compute.type | default "")) }}
{{- include "floe.plainEnv" (list "FLOE_COMPUTE_CREDENTIALS" ($compute.credentials | default "")) }}
{{- range $name, $value := $compute.properties | default dict }}
{{- if not (or (kindIs "map" $value) (kindIs "slice" $value)) }}
{{- include "floe.plainEnv" (list (printf "%s_%s" $compute.type $name | upper | replace "-" "_" | replace "." "_") $value) }}
{{- end }}
{{- end }}
{{- $traces := dig "traces" true $signals -}}
{{- $metrics := dig "metrics" true $signals -}}
{{- if not (or $traces $metrics) }}
{{- include "floe.plainEnv" (list "OTEL_SDK_DISABLED" "true") }}
{{- else }}
{{- $http := eq ($signals.otlpProtocol | default "grpc") "http" }}
{{- $endpoint := include "floe.otlpEndpoint" . }}
{{- include "floe.addressEnv" (list "OTEL_EXPORTER_OTLP_ENDPOINT" $signals "otlpEndpoint" (ternary ($endpoint | replace ":4317" ":4318") $endpoint $http)) }}
{{- include "floe.plainEnv" (list "OTEL_EXPORTER_OTLP_PROTOCOL" (ternary "http/protobuf" "grpc" $http)) }}
{{- include "floe.plainEnv" (list "OTEL_TRACES_EXPORTER" (ternary "otlp" "none" $traces)) }}
{{- include "floe.plainEnv" (list "OTEL_METRICS_EXPORTER" (ternary "otlp" "none" $metrics)) }}
{{- $attributes := $signals.attributes | default dict }}
{{- include "floe.plainEnv" (list "OTEL_SERVICE_NAME" (index $attributes "service.name" | default ($product.name | default ""))) }}
{{- $pairs := list }}
{{- range $key, $value := omit (merge (dict) $attributes (dict "service.version" ($product.version | default "")) (dict "deployment.environment.name" .Values.global.environment)) "service.name" }}
{{- if $value }}{{ $pairs = append $pairs (printf "%s=%s" $key (urlquery $value)) }}{{ end }}
{{- end }}
{{- include "floe.plainEnv" (list "OTEL_RESOURCE_ATTRIBUTES" (join "," $pairs)) }}
{{- end }}
{{- if dig "lineage" true $signals }}
{{- include "floe.addressEnv" (list "OPENLINEAGE_URL" $signals "lineageEndpoint" (include "floe.lineageEndpoint" .)) }}
{{- include "floe.plainEnv" (list "OPENLINEAGE_NAMESPACE" ($signals.lineageNamespace | default "")) }}
{{- else }}
{{- include "floe.plainEnv" (list "OPENLINEAGE_DISABLED" "true") }}
{{- end }}
{{- end }}

{{/* Labels of a product's pods beside the common ones. */}}
{{- define "floe.productLabels" -}}
{{- $labels := .Values.floe.serviceAccount.podLabels | default dict -}}
{{- with .Values.floe.product.name }}{{ $labels = merge (dict "floe.dev/product" .) $labels }}{{ end -}}
{{- with $labels }}{{ toYaml . }}{{ end -}}
{{- end }}

{{/* Annotations of a product's pods: a new artifact restarts them. */}}
{{- define "floe.productAnnotations" -}}
{{- with .Values.floe.artifact.sha256 -}}
checksum/floe-artifact: {{ . | quote }}
{{- end }}
{{- end }}
