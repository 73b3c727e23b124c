{{- define "common.render" -}}
{{- tpl .value .context -}}
{{- end -}}
