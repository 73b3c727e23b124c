{{/* What the names of the release's objects start with. */}}
{{- define "floe.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* Labels that never change, for selectors. Takes (list root component). */}}
{{- define "floe.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Labels of an object or a pod. Takes (list root component). */}}
{{- define "floe.labels" -}}
{{- $root := index . 0 -}}
{{ include "floe.selector" . }}
app.kubernetes.io/part-of: {{ $root.Release.Name }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version | replace "+" "_" }}
floe.dev/environment: {{ $root.Values.global.environment | quote }}
{{- with $root.Values.global.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* metadata of a namespaced object. Takes (list root component), with a name as a third item where the component's does not do. */}}
{{- define "floe.metadata" -}}
{{- $root := index . 0 -}}
name: {{ include "floe.fullname" $root }}-{{ if gt (len .) 2 }}{{ index . 2 }}{{ else }}{{ index . 1 }}{{ end }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "floe.labels" . | nindent 2 }}
{{- end }}

{{/* An image by digest or tag. Takes (list root image). */}}
{{- define "floe.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- default $image.registry $root.Values.global.imageRegistry }}/{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag }}{{ end }}
{{- end }}

{{/* image and imagePullPolicy of a container. Takes (list root image). */}}
{{- define "floe.pull" -}}
image: {{ include "floe.image" . | quote }}
imagePullPolicy: {{ (index . 0).Values.global.imagePullPolicy }}
{{- end }}

{{/* securityContext of a pod. Takes the uid. */}}
{{- define "floe.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* securityContext of a container. */}}
{{- define "floe.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* What all pod specs begin with. Takes a dict: root, component, uid, and token where the pod calls the API server. */}}
{{- define "floe.pod" -}}
serviceAccountName: {{ include "floe.fullname" .root }}-{{ .account | default .component }}
automountServiceAccountToken: {{ .token | default false }}
securityContext:
  {{- include "floe.podSecurity" .uid | nindent 2 }}
{{- if .root.Values.global.production }}
# A node or a zone that goes down takes not all pods of a component along.
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "floe.selector" (list $.root $.component) | nindent 8 }}
  {{- end }}
{{- end }}
{{- with .root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Requests and limits: the component's own, the artifact's, or the preset's. Takes (list root component own). */}}
{{- define "floe.resources" -}}
{{- $root := index . 0 -}}
{{- $preset := $root.Values.resourcePreset -}}
{{- if index . 2 -}}
{{ toYaml (index . 2) }}
{{- else if hasKey $root.Values.floe.resources (index . 1) -}}
{{ toYaml (pick (index $root.Values.floe.resources (index . 1)) "requests" "limits") }}
{{- else if hasKey $root.Values.resourcePresets $preset -}}
{{ toYaml (index $root.Values.resourcePresets $preset) }}
{{- else -}}
{{- fail (printf "resourcePreset: there is no %q in resourcePresets, only %s" $preset (keys $root.Values.resourcePresets | sortAlpha | join ", ")) }}
{{- end }}
{{- end }}

{{/* A variable from a key of a Secret. Takes (list variable secret key). */}}
{{- define "floe.secretEnv" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 }}
      key: {{ index . 2 }}
{{- end }}

{{/* The name of a Secret: the given one, or what the chart calls it. Takes (list root given suffix). */}}
{{- define "floe.secretName" -}}
{{- default (printf "%s-%s" (include "floe.fullname" (index . 0)) (index . 2)) (index . 1) -}}
{{- end }}

{{/* The Secret of a component's database. Takes (list root component). */}}
{{- define "floe.databaseSecret" -}}
{{- $component := index . 1 -}}
{{- include "floe.secretName" (list (index . 0) (index (index . 0).Values $component).database.existingSecret (printf "%s-database" $component)) -}}
{{- end }}

{{/* Whether a component runs in this release: enabled, and not somewhere else. Takes (list root component); empty means no. */}}
{{- define "floe.runs" -}}
{{- $own := index (index . 0).Values (index . 1) -}}
{{- $external := $own.external | default dict -}}
{{- if and $own.enabled (not (or $external.url $external.endpoint)) }}true{{ end -}}
{{- end }}

{{/* The components that keep their data in PostgreSQL, separated by blanks. */}}
{{- define "floe.databases" -}}
{{- if .Values.dagster.enabled }}dagster {{ end -}}
{{- if and (include "floe.runs" (list . "polaris")) (eq .Values.polaris.persistence "relational-jdbc") }}polaris {{ end -}}
{{- if include "floe.runs" (list . "marquez") }}marquez{{ end -}}
{{- end }}

{{- define "floe.databaseHost" -}}
{{- $own := .Values.postgresql -}}
{{- if eq $own.mode "external" }}{{ $own.external.host }}
{{- else if eq $own.mode "cloudnativepg" }}{{ include "floe.fullname" . }}-postgresql-rw
{{- else }}{{ include "floe.fullname" . }}-postgresql
{{- end -}}
{{- end }}

{{- define "floe.databasePort" -}}
{{- if eq .Values.postgresql.mode "external" }}{{ .Values.postgresql.external.port }}{{ else }}5432{{ end -}}
{{- end }}

{{/* The one pod has no certificate; CloudNativePG makes one that nobody outside knows. */}}
{{- define "floe.databaseSslMode" -}}
{{- $own := .Values.postgresql -}}
{{- if eq $own.mode "external" }}{{ $own.external.sslMode }}{{ else if eq $own.mode "cloudnativepg" }}require{{ else }}disable{{ end -}}
{{- end }}

{{/* An init container that ends when the database answers. */}}
{{- define "floe.waitForDatabase" -}}
- name: wait-for-database
  {{- include "floe.pull" (list . .Values.postgresql.image) | nindent 2 }}
  command: [sh, -c, 'until pg_isready --timeout=3; do sleep 2; done']
  env:
    - name: PGHOST
      value: {{ include "floe.databaseHost" . | quote }}
    - name: PGPORT
      value: {{ include "floe.databasePort" . | quote }}
    # Nobody logs in, but without a name the client looks for that of the pod's user, whom the image does
    # not know, and asks nothing.
    - name: PGUSER
      value: postgres
  securityContext:
    {{- include "floe.security" . | nindent 4 }}
  resources:
    {{- include "floe.resources" (list . "wait-for-database" dict) | nindent 4 }}
{{- end }}

{{/* Where things are: this release's own, or what the values name. */}}
{{- define "floe.storageEndpoint" -}}
{{- if .Values.storage.endpoint }}{{ .Values.storage.endpoint }}
{{- else if .Values.minio.enabled }}http://{{ include "floe.fullname" . }}-minio:9000
{{- else }}https://s3.{{ .Values.storage.region }}.amazonaws.com
{{- end -}}
{{- end }}

{{- define "floe.storagePathStyle" -}}
{{- or .Values.storage.pathStyleAccess .Values.minio.enabled -}}
{{- end }}

{{- define "floe.catalogUri" -}}
{{- if .Values.polaris.external.url }}{{ .Values.polaris.external.url }}
{{- else if .Values.polaris.enabled }}http://{{ include "floe.fullname" . }}-polaris:8181/api/catalog
{{- end -}}
{{- end }}

{{- define "floe.otlpEndpoint" -}}
{{- if .Values.otel.external.endpoint }}{{ .Values.otel.external.endpoint }}
{{- else if .Values.otel.enabled }}http://{{ include "floe.fullname" . }}-otel:4317
{{- end -}}
{{- end }}

{{- define "floe.lineageEndpoint" -}}
{{- if .Values.marquez.external.url }}{{ .Values.marquez.external.url }}
{{- else if .Values.marquez.enabled }}http://{{ include "floe.fullname" . }}-marquez:5000
{{- end -}}
{{- end }}

{{/* Variables with which a program finds the bucket and logs in. */}}
{{- define "floe.storageEnv" -}}
{{- $secret := include "floe.secretName" (list . .Values.storage.existingSecret "storage") -}}
- name: AWS_REGION
  value: {{ .Values.storage.region | quote }}
# Named even where it is the usual one, so that helm-floe sees the call and allows it.
- name: AWS_ENDPOINT_URL_S3
  value: {{ include "floe.storageEndpoint" . | quote }}
{{- if eq .Values.storage.credentials "static" }}
{{ include "floe.secretEnv" (list "AWS_ACCESS_KEY_ID" $secret "access_key") }}
{{ include "floe.secretEnv" (list "AWS_SECRET_ACCESS_KEY" $secret "secret_key") }}
{{- end }}
{{- end }}

{{/* Every Secret that the release needs, with its keys. */}}
{{- define "floe.secrets" -}}
{{- $root := . -}}
{{- range splitList " " (include "floe.databases" . | trim) }}
{{- if . }}
{{ include "floe.databaseSecret" (list $root .) }}: [username, password]
{{- end }}
{{- end }}
{{- if eq .Values.postgresql.mode "statefulset" }}
{{ include "floe.secretName" (list . .Values.postgresql.existingSecret "postgresql") }}: [password]
{{- end }}
{{- if eq .Values.storage.credentials "static" }}
{{ include "floe.secretName" (list . .Values.storage.existingSecret "storage") }}: [access_key, secret_key]
{{- end }}
{{- if include "floe.runs" (list . "polaris") }}
{{ include "floe.secretName" (list . .Values.polaris.existingSecret "polaris-root") }}: [client-id, client-secret]
{{- if .Values.polaris.tokenKey.enabled }}
{{ include "floe.secretName" (list . .Values.polaris.tokenKey.existingSecret "polaris-token") }}: [symmetric.key]
{{- end }}
{{- end }}
{{- if and (include "floe.runs" (list . "otel")) .Values.otel.exporters.existingSecret }}
{{ .Values.otel.exporters.existingSecret }}: [authorization]
{{- end }}
{{- end }}

{{/* Components with pods of their own, separated by blanks: each has a service account. */}}
{{- define "floe.components" -}}
{{- $root := . -}}
{{- if .Values.dagster.enabled }}dagster-webserver dagster-daemon product {{ end -}}
{{- if include "floe.migrates" . }}dagster-migrate {{ end -}}
{{- if include "floe.polarisCatalogs" . }}polaris-catalogs {{ end -}}
{{- range list "polaris" "otel" "marquez" }}{{ if include "floe.runs" (list $root .) }}{{ . }} {{ end }}{{ end -}}
{{- range list "minio" "jaeger" }}{{ if (index $root.Values .).enabled }}{{ . }} {{ end }}{{ end -}}
{{- if eq .Values.postgresql.mode "statefulset" }}postgresql {{ end -}}
test
{{- end }}

{{/* Components that may have several pods, with their number: the same for Deployments, autoscalers and budgets. */}}
{{- define "floe.scaled" -}}
{{- if .Values.dagster.enabled }}
dagster-webserver: {{ .Values.dagster.webserver.replicas }}
{{- end }}
{{- if include "floe.runs" (list . "polaris") }}
polaris: {{ .Values.polaris.replicas }}
{{- end }}
{{- if include "floe.runs" (list . "otel") }}
otel: {{ .Values.otel.replicas }}
{{- end }}
{{- end }}

{{/*
A Job that Helm runs beside the release, and a PodTemplate of the same pods. Nothing runs from the
template: Helm 3 shows no hooks to a post-renderer, so this is where helm-floe reads whom the Job
calls, and lets it. Takes a dict: root, component, hook, deadline in seconds, and spec, the pod's.
*/}}
{{- define "floe.hook" -}}
apiVersion: v1
kind: PodTemplate
metadata:
  {{- include "floe.metadata" (list .root .component) | nindent 2 }}
template:
  metadata:
    labels:
      {{- include "floe.labels" (list .root .component) | nindent 6 }}
  spec:
    {{- .spec | nindent 4 }}
---
apiVersion: batch/v1
kind: Job
metadata:
  {{- include "floe.metadata" (list .root .component) | nindent 2 }}
  annotations:
    helm.sh/hook: {{ .hook }}
    # A Job that failed stays, with what it printed, until the next one.
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  backoffLimit: 3
  activeDeadlineSeconds: {{ .deadline }}
  template:
    metadata:
      labels:
        {{- include "floe.labels" (list .root .component) | nindent 8 }}
    spec:
      {{- .spec | nindent 6 }}
{{- end }}

{{/* Refuses values that are made for another namespace, and names that another environment there would have too. */}}
{{- define "floe.checkNamespace" -}}
{{- $environment := .Values.global.environment }}
{{- if and (eq .Values.floe.isolation "label") (not (contains $environment (include "floe.fullname" .))) }}
{{- fail (printf "floe.isolation: environments share the namespace, so names need the environment: set fullnameOverride to %s-%s" .Release.Name $environment) }}
{{- end }}
{{- with .Values.namespace.name }}
{{- if ne . $.Release.Namespace }}
{{- fail (printf "namespace.name: these values are for the namespace %s, and the release goes to %s: use `helm --namespace %s`" . $.Release.Namespace .) }}
{{- end }}
{{- end }}
{{- end }}
