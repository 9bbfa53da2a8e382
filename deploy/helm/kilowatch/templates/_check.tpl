{{/* Refuses what cannot work, and says what to do. */}}
{{- define "kilowatch.check" -}}
{{- if eq .Values.mode "services" }}{{ include "kilowatch.checkServices" . }}{{ end }}
{{- if and (include "kilowatch.pushes" .) (not (index .Values.secretEnv "KILOWATCH_SOURCES__PUSH__TOKEN")) }}
{{- fail "config.sources.push is enabled and has no token. Reference one: --set secretEnv.KILOWATCH_SOURCES__PUSH__TOKEN.name=SECRET --set secretEnv.KILOWATCH_SOURCES__PUSH__TOKEN.key=KEY" }}
{{- end }}
{{- if and (include "kilowatch.shows" .) (not (index .Values.secretEnv "KILOWATCH_WEB__TOKEN")) }}
{{- fail "The page has no token. Reference one: --set secretEnv.KILOWATCH_WEB__TOKEN.name=SECRET --set secretEnv.KILOWATCH_WEB__TOKEN.key=KEY; or leave the page out: web.enabled=false." }}
{{- end }}
{{- end }}

{{- define "kilowatch.checkServices" -}}
{{- $values := .Values }}
{{- if not $values.database.existingSecret }}
{{- fail (printf "mode services needs PostgreSQL. Make a secret and name it:\n  kubectl -n %s create secret generic kilowatch-database --from-literal=password=... --from-literal=url=postgresql+psycopg://USER@HOST:5432/NAME\n  --set database.existingSecret=kilowatch-database\nFor a trial without a server add --set postgresql.enabled=true; its password is taken from the same secret." .Release.Namespace) }}
{{- end }}
{{- if and (not $values.kafka.bootstrap) (not $values.kafka.bundled.enabled) }}
{{- fail "mode services needs Kafka: set kafka.bootstrap=HOST:PORT, or for a trial kafka.bundled.enabled=true." }}
{{- end }}
{{- if and $values.kafka.bootstrap $values.kafka.bundled.enabled }}
{{- fail "kafka.bootstrap and kafka.bundled.enabled are both set: use one broker or the other." }}
{{- end }}
{{- if and $values.kafka.bundled.enabled (or $values.kafka.tls.enabled $values.kafka.sasl.mechanism) }}
{{- fail "The bundled broker speaks neither TLS nor SASL: leave kafka.tls and kafka.sasl alone, or use a broker of your own." }}
{{- end }}
{{- if and $values.kafka.sasl.mechanism (not $values.kafka.sasl.existingSecret) }}
{{- fail "kafka.sasl.mechanism needs a login: kafka.sasl.existingSecret=SECRET, with the keys username and password." }}
{{- end }}
{{- if and $values.kafka.tls.client (not $values.kafka.tls.existingSecret) }}
{{- fail "kafka.tls.client needs kafka.tls.existingSecret=SECRET, with the keys ca.crt, tls.crt and tls.key." }}
{{- end }}
{{- $sources := ($values.config).sources | default dict }}
{{- if and (gt (int $values.processor.replicas) 1) $sources.mqtt }}
{{- fail "processor.replicas is more than 1, and a source of MQTT belongs to one pod. Set it to 1, or only push readings." }}
{{- end }}
{{- $detector := $values.detector }}
{{- if and $detector.autoscaling.enabled $detector.keda.enabled }}
{{- fail "detector.autoscaling and detector.keda are both enabled: two autoscalers would pull at one deployment. Choose one." }}
{{- end }}
{{- range $most := list $detector.replicas ($detector.autoscaling.enabled | ternary $detector.autoscaling.maxReplicas 0) ($detector.keda.enabled | ternary $detector.keda.maxReplicas 0) }}
{{- if gt (int $most) (int $values.kafka.partitions) }}
{{- fail (printf "%d detectors for %d partitions: more than one pod for each partition only stands by. Lower it to kafka.partitions." (int $most) (int $values.kafka.partitions)) }}
{{- end }}
{{- end }}
{{- if ne $values.kafka.bundled.enabled true }}
{{- range (lookup "v1" "ConfigMap" .Release.Namespace "").items }}
{{- if and (eq (index (.metadata.labels | default dict) "app.kubernetes.io/name" | default "") "kilowatch") (ne (index .metadata.labels "app.kubernetes.io/instance" | default "") $.Release.Name) (eq (index (.metadata.annotations | default dict) "kilowatch/brokers" | default "") (include "kilowatch.bootstrap" $)) }}
{{- fail (printf "Release %s of this namespace works on the same brokers, so on the same topics. Use other brokers, or upgrade that release." (index .metadata.labels "app.kubernetes.io/instance")) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
