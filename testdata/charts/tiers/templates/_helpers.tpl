{{/* The labels by which a tier's pods are selected: (list $ "frontend") */}}
{{- define "tiers.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: tiers
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* The labels of a tier's objects. */}}
{{- define "tiers.labels" -}}
{{ include "tiers.selector" . }}
helm.sh/chart: {{ (index . 0).Chart.Name }}-{{ (index . 0).Chart.Version }}
{{- end -}}

{{/* The container of a tier: (list $ "frontend" PORT "more env") */}}
{{- define "tiers.container" -}}
{{- $root := index . 0 -}}
- name: {{ index . 1 }}
  image: {{ $root.Values.image | quote }}
  imagePullPolicy: {{ $root.Values.imagePullPolicy }}
  command: ["busybox", "httpd", "-f", "-p", "{{ index . 2 }}", "-h", "/www"]
  ports:
    - name: main
      containerPort: {{ index . 2 }}
  readinessProbe:
    httpGet: {path: /, port: main}
    periodSeconds: 1
  volumeMounts:
    - {name: www, mountPath: /www}
{{- end -}}
