{{/* What makes Dapr's injector add a sidecar: it reads the pod's annotations, never the Deployment's. */}}
{{- define "todo-app.daprAnnotations" -}}
dapr.io/enabled: "true"
dapr.io/app-id: {{ .Values.dapr.appId }}
dapr.io/app-port: "8000"
dapr.io/config: {{ include "todo-app.fullname" . }}
{{- with .Values.dapr.sidecar.resources }}
dapr.io/sidecar-cpu-request: {{ .requests.cpu | quote }}
dapr.io/sidecar-memory-request: {{ .requests.memory | quote }}
dapr.io/sidecar-cpu-limit: {{ .limits.cpu | quote }}
dapr.io/sidecar-memory-limit: {{ .limits.memory | quote }}
{{- end }}
dapr.io/sidecar-seccomp-profile-type: RuntimeDefault
{{- end -}}
