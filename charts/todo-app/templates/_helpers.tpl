{{/* The name of everything in this release, without a component. */}}
{{- define "todo-app.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What tells a component's pods from all others, for good: (list ROOT COMPONENT). */}}
{{- define "todo-app.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of an object of a component: (list ROOT COMPONENT). */}}
{{- define "todo-app.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{ include "todo-app.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: todo-app
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of a component's pods, which change only with the values: (list ROOT COMPONENT). */}}
{{- define "todo-app.podLabels" -}}
{{- $root := index . 0 -}}
{{ include "todo-app.selectorLabels" . }}
app.kubernetes.io/part-of: todo-app
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* An image: (list ROOT IMAGE). */}}
{{- define "todo-app.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{ printf "%s@%s" $image.repository $image.digest | quote }}
{{- else -}}
{{ printf "%s:%s" $image.repository (default $root.Chart.AppVersion $image.tag) | quote }}
{{- end -}}
{{- end -}}

{{/* What all pods have in common; the rights are a component's: (list ROOT RULES). */}}
{{- define "todo-app.pod" -}}
{{- $root := index . 0 -}}
automountServiceAccountToken: {{ not (empty (index . 1)) }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ $root.Values.podSecurity.runAsUser }}
  runAsGroup: {{ $root.Values.podSecurity.runAsGroup }}
  fsGroup: {{ $root.Values.podSecurity.runAsGroup }}
  seccompProfile:
    type: RuntimeDefault
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.scheduling.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $root.Values.scheduling.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.scheduling.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.scheduling.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The security context of every container. */}}
{{- define "todo-app.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end -}}

{{/* Liveness and readiness over HTTP: a path. */}}
{{- define "todo-app.probes" -}}
livenessProbe:
  httpGet:
    path: {{ . }}
    port: http
  initialDelaySeconds: 10
  periodSeconds: 10
  timeoutSeconds: 3
readinessProbe:
  httpGet:
    path: {{ . }}
    port: http
  periodSeconds: 5
  timeoutSeconds: 3
{{- end -}}

{{/* A rolling update that takes no pod away before its successor is ready. */}}
{{- define "todo-app.strategy" -}}
type: RollingUpdate
rollingUpdate:
  maxSurge: 1
  maxUnavailable: 0
{{- end -}}

{{/* Plain variables of a map. */}}
{{- define "todo-app.env" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* A variable out of the Secret: (list ROOT NAME KEY). */}}
{{- define "todo-app.secretEnv" -}}
{{- $root := index . 0 -}}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ $root.Values.secrets.existingSecret }}
      key: {{ index . 2 }}
{{- end -}}

{{/* The components that are installed, with their values. */}}
{{- define "todo-app.components" -}}
{{- $components := dict "frontend" .Values.frontend "backend" .Values.backend -}}
{{- if .Values.mcpServer.enabled -}}
{{- $_ := set $components "mcp-server" .Values.mcpServer -}}
{{- end -}}
{{- toYaml $components -}}
{{- end -}}
