{{- define "product.labels" -}}
app.kubernetes.io/name: product
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "product.pod" -}}
{{- if .Values.serviceAccount.create }}
serviceAccountName: {{ .Release.Name }}
{{- end }}
securityContext:
  runAsUser: {{ .Values.user }}
{{- end }}
