{{- define "keys.labels" -}}
{{- range $key, $value := .labels }}
{{ $key }}: {{ $value | quote }}
{{- end }}
{{- end -}}
{{- define "keys.database" -}}
{{ .host }}:{{ index . "port" }}
{{- end -}}
