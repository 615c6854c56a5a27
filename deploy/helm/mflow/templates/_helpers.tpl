{{/* Names, labels and what several templates say alike. */}}

{{- define "mflow.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 40 characters, so that what is added still fits a label. */}}
{{- define "mflow.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "mflow.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "mflow.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "mflow.selector" -}}
app.kubernetes.io/name: {{ include "mflow.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Not app.kubernetes.io/managed-by=mflow: that label is for the Jobs of tasks. */}}
{{- define "mflow.labels" -}}
{{ include "mflow.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "mflow.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "mflow.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name says which one to use when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "mflow.secret" -}}
{{- default (include "mflow.fullname" .) .Values.secrets.existingSecret -}}
{{- end -}}

{{- define "mflow.claim" -}}
{{- default (printf "%s-data" (include "mflow.fullname" .)) .Values.persistence.existingClaim -}}
{{- end -}}

{{/* As a JSON list: templates give each other text alone. */}}
{{- define "mflow.taskNamespaces" -}}
{{- default (list .Release.Namespace) .Values.taskNamespaces | uniq | toJson -}}
{{- end -}}

{{- define "mflow.publicUrl" -}}
{{- if .Values.publicUrl -}}
{{- .Values.publicUrl -}}
{{- else if .Values.ingress.enabled -}}
{{- printf "%s://%s" (ternary "https" "http" (ne .Values.ingress.tlsSecret "")) .Values.ingress.host -}}
{{- else -}}
{{- $port := ternary "" (printf ":%v" .Values.service.port) (eq (int .Values.service.port) 80) -}}
{{- printf "http://%s.%s.svc%s" (include "mflow.fullname" .) .Release.Namespace $port -}}
{{- end -}}
{{- end -}}

{{/* The names that the server answers to; to others it says HOST_REFUSED. */}}
{{- define "mflow.allowHosts" -}}
{{- $name := include "mflow.fullname" . -}}
{{- $inside := printf "%s.%s" $name .Release.Namespace -}}
{{- $hosts := list $name $inside (printf "%s.svc" $inside) (printf "%s.svc.cluster.local" $inside) -}}
{{- if .Values.ingress.enabled -}}
{{- $hosts = append $hosts .Values.ingress.host -}}
{{- end -}}
{{- concat $hosts .Values.server.allowHosts | uniq | join "," -}}
{{- end -}}
