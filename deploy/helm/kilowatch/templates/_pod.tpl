{{- define "kilowatch.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "kilowatch.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Where a pod may run: (dict "root" $ "part" "detector") */}}
{{- define "kilowatch.placement" -}}
{{- $pod := .root.Values.pod -}}
serviceAccountName: {{ include "kilowatch.account" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $pod.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
{{- if $pod.topologySpreadConstraints }}
  {{- toYaml $pod.topologySpreadConstraints | nindent 2 }}
{{- else }}
{{- $part := . }}
{{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: {matchLabels: {{ include "kilowatch.selector" $part | fromYaml | toJson }}}
{{- end }}
{{- end }}
{{- end }}

{{/* The environment of every container of ours. */}}
{{- define "kilowatch.env" -}}
- {name: KILOWATCH_DATA__FOLDER, value: /data}
- {name: KILOWATCH_METRICS__ENABLED, value: "true"}
- {name: KILOWATCH_METRICS__BIND, value: 0.0.0.0}
- {name: KILOWATCH_METRICS__PORT, value: "9469"}
{{- if not ((.Values.config).log).format }}
- {name: KILOWATCH_LOG__FORMAT, value: json}
{{- end }}
{{- if include "kilowatch.pushes" . }}
- {name: KILOWATCH_SOURCES__PUSH__BIND, value: 0.0.0.0}
- {name: KILOWATCH_SOURCES__PUSH__PORT, value: "8090"}
{{- end }}
{{- if include "kilowatch.shows" . }}
- {name: KILOWATCH_WEB__ENABLED, value: "true"}
- {name: KILOWATCH_WEB__BIND, value: 0.0.0.0}
- {name: KILOWATCH_WEB__PORT, value: "8080"}
{{- end }}
{{- if eq .Values.mode "services" }}
{{ include "kilowatch.envServices" . }}
{{- end }}
{{- range $name, $ref := .Values.secretEnv }}
- {name: {{ $name }}, valueFrom: {secretKeyRef: {name: {{ $ref.name | quote }}, key: {{ $ref.key | quote }}}}}
{{- end }}
{{- end }}

{{- define "kilowatch.envServices" -}}
{{- $kafka := .Values.kafka }}{{ $database := .Values.database -}}
- {name: KILOWATCH_KAFKA__BOOTSTRAP, value: {{ include "kilowatch.bootstrap" . | quote }}}
- {name: KILOWATCH_KAFKA__PARTITIONS, value: {{ int $kafka.partitions | quote }}}
- {name: KILOWATCH_KAFKA__REPLICATION, value: {{ $kafka.bundled.enabled | ternary 1 $kafka.replication | int | quote }}}
- {name: KILOWATCH_KAFKA__GROUP, value: {{ $kafka.group | quote }}}
{{- if $kafka.tls.enabled }}
- {name: KILOWATCH_KAFKA__TLS, value: "true"}
{{- if $kafka.tls.existingSecret }}
- {name: KILOWATCH_KAFKA__CA_FILE, value: /etc/kilowatch/kafka/ca.crt}
{{- if $kafka.tls.client }}
- {name: KILOWATCH_KAFKA__CERT_FILE, value: /etc/kilowatch/kafka/tls.crt}
- {name: KILOWATCH_KAFKA__KEY_FILE, value: /etc/kilowatch/kafka/tls.key}
{{- end }}
{{- end }}
{{- end }}
{{- if $kafka.sasl.mechanism }}
- {name: KILOWATCH_KAFKA__SASL_MECHANISM, value: {{ $kafka.sasl.mechanism }}}
- {name: KILOWATCH_KAFKA__USERNAME, valueFrom: {secretKeyRef: {name: {{ $kafka.sasl.existingSecret }}, key: username}}}
- {name: KILOWATCH_KAFKA__PASSWORD, valueFrom: {secretKeyRef: {name: {{ $kafka.sasl.existingSecret }}, key: password}}}
{{- end }}
{{- if .Values.postgresql.enabled }}
- {name: KILOWATCH_DATABASE__URL, value: "postgresql+psycopg://kilowatch@{{ include "kilowatch.name" . }}-postgresql:5432/kilowatch"}
{{- else }}
- {name: KILOWATCH_DATABASE__URL, valueFrom: {secretKeyRef: {name: {{ $database.existingSecret | quote }}, key: {{ $database.urlKey }}}}}
{{- end }}
- {name: KILOWATCH_DATABASE__PASSWORD, valueFrom: {secretKeyRef: {name: {{ $database.existingSecret | quote }}, key: {{ $database.passwordKey }}}}}
{{- with $database.sslmode | default (.Values.postgresql.enabled | ternary "disable" "") }}
- {name: KILOWATCH_DATABASE__SSLMODE, value: {{ . }}}
{{- end }}
{{- if $database.caSecret }}
- {name: KILOWATCH_DATABASE__CA_FILE, value: /etc/kilowatch/database/ca.crt}
{{- end }}
{{- end }}

{{- define "kilowatch.mounts" -}}
- {name: config, mountPath: /etc/kilowatch/kilowatch.toml, subPath: kilowatch.toml, readOnly: true}
- {name: data, mountPath: /data}
- {name: tmp, mountPath: /tmp}
{{- if and (eq .Values.mode "services") .Values.kafka.tls.enabled .Values.kafka.tls.existingSecret }}
- {name: kafka-tls, mountPath: /etc/kilowatch/kafka, readOnly: true}
{{- end }}
{{- if and (eq .Values.mode "services") .Values.database.caSecret }}
- {name: database-ca, mountPath: /etc/kilowatch/database, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* All volumes but data. */}}
{{- define "kilowatch.volumes" -}}
- {name: config, configMap: {name: {{ include "kilowatch.name" . }}}}
- {name: tmp, emptyDir: {sizeLimit: 64Mi}}
{{- if and (eq .Values.mode "services") .Values.kafka.tls.enabled .Values.kafka.tls.existingSecret }}
- {name: kafka-tls, secret: {secretName: {{ .Values.kafka.tls.existingSecret }}, defaultMode: 0440}}
{{- end }}
{{- if and (eq .Values.mode "services") .Values.database.caSecret }}
- {name: database-ca, secret: {secretName: {{ .Values.database.caSecret }}, defaultMode: 0440}}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* A container of ours: (dict "root" $ "name" "x" "resources" ... ) and its words follow at the caller. */}}
{{- define "kilowatch.container" -}}
image: {{ include "kilowatch.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext: {{ include "kilowatch.containerSecurity" . | nindent 2 }}
env: {{ include "kilowatch.env" .root | nindent 2 }}
volumeMounts: {{ include "kilowatch.mounts" .root | nindent 2 }}
resources: {{ toYaml .resources | nindent 2 }}
{{- end }}

{{/* A container that waits: (dict "root" $ "words" (list "--kafka")) */}}
{{- define "kilowatch.waiter" -}}
- name: wait
  command: {{ concat (list "python" "-m" "kilowatch.cli.wait" "-c" "/etc/kilowatch/kilowatch.toml") .words | toJson }}
  {{- include "kilowatch.container" (dict "root" .root "resources" .root.Values.topics.resources) | nindent 2 }}
{{- end }}

{{/* What lives: the loop turns. What is ready: it has its partitions and has caught up. */}}
{{- define "kilowatch.probes" -}}
startupProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 90}
livenessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 10, timeoutSeconds: 10, failureThreshold: 6}
readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 3, timeoutSeconds: 5, failureThreshold: 3}
{{- end }}
