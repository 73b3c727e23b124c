{{- define "tiers.labels" -}}
app.kubernetes.io/name: tiers
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "tiers.serve" -}}
image: {{ .Values.image }}
command: ["sh", "-c", "mkdir -p /tmp/www && hostname > /tmp/www/index.html && exec httpd -f -p $PORT -h /tmp/www"]
securityContext:
  runAsUser: 1000
volumeMounts:
- {name: tmp, mountPath: /tmp}
{{- end }}
