{{- define "kilowatch.name" -}}
{{- if .Values.fullnameOverride -}}{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains "kilowatch" .Release.Name -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-kilowatch" .Release.Name | trunc 40 | trimSuffix "-" }}{{- end -}}
{{- end }}

{{/* Labels that select pods: (dict "root" $ "part" "detector") */}}
{{- define "kilowatch.selector" -}}
app.kubernetes.io/name: kilowatch
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "kilowatch.labels" -}}
{{ include "kilowatch.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "kilowatch.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}{{ $image.repository }}@{{ $image.digest }}
{{- else -}}{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}{{- end -}}
{{- end }}

{{- define "kilowatch.account" -}}
{{ .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "kilowatch.name" .) "default") }}
{{- end }}

{{/* The services that run, as JSON. */}}
{{- define "kilowatch.parts" -}}
{{- if eq .Values.mode "single" -}}["single"]
{{- else -}}
{{- $parts := list "registry" "detector" "metrics" "processor" -}}
{{- if .Values.actor.enabled }}{{ $parts = append $parts "actor" }}{{ end -}}
{{- if .Values.web.enabled }}{{ $parts = append $parts "web" }}{{ end -}}
{{ toJson $parts }}
{{- end -}}
{{- end }}

{{- define "kilowatch.pushes" -}}
{{- if (((.Values.config).sources).push).enabled }}yes{{ end -}}
{{- end }}

{{- define "kilowatch.shows" -}}
{{- if eq .Values.mode "single" }}{{ if ((.Values.config).web).enabled }}yes{{ end }}
{{- else if .Values.web.enabled }}yes{{ end -}}
{{- end }}

{{- define "kilowatch.bootstrap" -}}
{{- if .Values.kafka.bundled.enabled -}}{{ include "kilowatch.name" . }}-kafka:9092{{- else -}}{{ .Values.kafka.bootstrap }}{{- end -}}
{{- end }}

{{/* Sections and keys as TOML: Helm's own toToml writes whole numbers as 12.0. (dict "path" "" "section" ...) */}}
{{- define "kilowatch.toml" -}}
{{- $path := .path -}}
{{- range $key, $value := .section }}{{ if not (kindIs "map" $value) }}{{ if not (kindIs "invalid" $value) }}
{{ $key | toJson }} = {{ $value | toJson }}
{{- end }}{{ end }}{{ end }}
{{- range $key, $value := .section }}{{ if kindIs "map" $value }}
{{ $name := printf "%s%s" (empty $path | ternary "" (printf "%s." $path)) ($key | toJson) }}
[{{ $name }}]
{{- include "kilowatch.toml" (dict "path" $name "section" $value) }}
{{- end }}{{ end }}
{{- end }}
