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

{{/* The filter and the artifact say where things are; this release runs none of them. */}}
{{- define "floe.storageEndpoint" -}}{{- end }}
{{- define "floe.catalogUri" -}}{{- end }}
{{- define "floe.otlpEndpoint" -}}{{- end }}
{{- define "floe.lineageEndpoint" -}}{{- end }}

{{/* The ConfigMap with the artifact; empty where there is none. */}}
{{- define "jobs.artifact" -}}
{{- if .Values.artifact.existingConfigMap }}{{ .Values.artifact.existingConfigMap }}
{{- else if .Values.artifact.content }}{{ include "floe.fullname" . }}-artifact
{{- end -}}
{{- end }}

{{/* Requests and limits of a type: its own, the artifact's, or the preset's. Takes (list root type). */}}
{{- define "jobs.resources" -}}
{{- $root := index . 0 -}}
{{- $preset := $root.Values.resourcePreset -}}
{{- $own := (index $root.Values.types (index . 1)).resources -}}
{{- if $own -}}
{{ toYaml $own }}
{{- else if hasKey $root.Values.floe.resources (index . 1) -}}
{{ toYaml (pick (index $root.Values.floe.resources (index . 1)) "requests" "limits") }}
{{- else if hasKey $root.Values.resourcePresets $preset -}}
{{ toYaml (index $root.Values.resourcePresets $preset) }}
{{- else -}}
{{- fail (printf "resourcePreset: there is no %q in resourcePresets, only %s" $preset (keys $root.Values.resourcePresets | sortAlpha | join ", ")) }}
{{- end }}
{{- end }}

{{/* The template of a job's pods, and of the test's. Takes a dict: root, type, args. */}}
{{- define "jobs.pod" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
metadata:
  labels:
    {{- include "floe.labels" (list $root .type) | nindent 4 }}
    {{- with include "floe.productLabels" $root }}
    {{- . | nindent 4 }}
    {{- end }}
  {{- $annotations := include "floe.productAnnotations" $root | fromYaml }}
  {{- if $values.global.production }}
  {{- $annotations = set $annotations "cluster-autoscaler.kubernetes.io/safe-to-evict" "false" }}
  {{- end }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "floe.fullname" $root }}-jobs
  automountServiceAccountToken: false
  restartPolicy: Never
  securityContext:
    {{- include "floe.podSecurity" $values.user | nindent 4 }}
  {{- with $values.global.imagePullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  containers:
    - name: dbt
      {{- include "floe.pull" (list $root $values.image) | nindent 6 }}
      command: [dbt]
      args:
        {{- range .args }}
        - {{ . | quote }}
        {{- end }}
      workingDir: {{ $values.projectDir }}
      env:
        - name: HOME
          value: /tmp
        - name: DBT_TARGET_PATH
          value: /tmp/target
        - name: DBT_LOG_PATH
          value: /tmp/logs
        - name: DBT_SEND_ANONYMOUS_USAGE_STATS
          value: "false"
        {{- if $values.profiles.existingConfigMap }}
        - name: DBT_PROFILES_DIR
          value: /etc/dbt
        {{- end }}
        {{- if include "jobs.artifact" $root }}
        - name: FLOE_COMPILED_ARTIFACTS_PATH
          value: /etc/floe/artifact.json
        {{- end }}
        {{- include "floe.productEnv" (list $root .type) | nindent 8 }}
        {{- with $values.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      securityContext:
        {{- include "floe.security" . | nindent 8 }}
      resources:
        {{- include "jobs.resources" (list $root .type) | nindent 8 }}
      volumeMounts:
        - {name: scratch, mountPath: /tmp}
        {{- if include "jobs.artifact" $root }}
        - {name: floe-artifact, mountPath: /etc/floe, readOnly: true}
        {{- end }}
        {{- if $values.profiles.existingConfigMap }}
        - {name: profiles, mountPath: /etc/dbt, readOnly: true}
        {{- end }}
  volumes:
    - name: scratch
      emptyDir: {sizeLimit: 2Gi}
    {{- with include "jobs.artifact" $root }}
    - name: floe-artifact
      configMap:
        name: {{ . }}
    {{- end }}
    {{- with $values.profiles.existingConfigMap }}
    - name: profiles
      configMap:
        name: {{ . }}
    {{- end }}
{{- end }}

{{/* spec of a Job. Takes a dict: root, job. */}}
{{- define "jobs.spec" -}}
{{- $type := index .root.Values.types .job.type | required (printf "there is no job type %q in types" .job.type) -}}
backoffLimit: {{ $type.backoffLimit }}
activeDeadlineSeconds: {{ $type.activeDeadlineSeconds }}
ttlSecondsAfterFinished: {{ dig "ttlSecondsAfterFinished" $type.ttlSecondsAfterFinished .root.Values.floe.jobs }}
template:
  {{- include "jobs.pod" (dict "root" .root "type" .job.type "args" .job.args) | nindent 2 }}
{{- end }}
