/** helmChart is the chart that the conformance suite of templating engines wants, by path. */
export const helmChart: ReadonlyMap<string, string> = new Map([
  ['Chart.yaml', 'apiVersion: v2\nname: menu\nversion: 0.1.0\n'],
  ['values.yaml', 'flavour: vanilla # the best\ncount: 1\n'],
  [
    'templates/menu.yaml',
    `{{- if .Values.broken }}{{ fail .Values.broken }}{{ end }}
{{- if .Values.garbage }}a: [
{{- else if .Values.huge }}{ apiVersion: v1, kind: ConfigMap, metadata: { name: huge }, data: { x: "{{ range until 40 }}{{ repeat 100000 "x" }}{{ end }}" } }
{{- else if .Values.hang }}{{ range until 2000000000 }}{{ end }}
{{- else }}
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }}-menu }
data: { flavour: {{ .Values.flavour | toJson }}, count: {{ .Values.count | toString | quote }} }
{{- end }}
---
`,
  ],
  [
    'templates/n-extra.yaml',
    `{{- range until (int (default 0 .Values.extra)) }}
---
{ apiVersion: v1, kind: ConfigMap, metadata: { name: {{ $.Release.Name }}-extra-{{ add1 . }} } }
---
# nothing here
{{- end }}
`,
  ],
  [
    'templates/hook.yaml',
    'apiVersion: batch/v1\nkind: Job\nmetadata: { name: hook, annotations: { helm.sh/hook: pre-install } }\n',
  ],
]);

/** jinjaTemplate is the same as a Jinja template. */
export const jinjaTemplate = `{%- if broken %}{{ fail(broken) }}{% endif -%}
{%- if garbage %}a: [
{%- elif huge %}{% for each in range(40000) %}{{ "x" * 100 }}{% endfor %}
{%- else %}
apiVersion: v1
kind: ConfigMap
metadata: { name: shop-menu }
data: { flavour: {{ flavour | tojson }}, count: "{{ count }}" }
{%- for n in range(1, (extra or 0) + 1) %}
---
{ apiVersion: v1, kind: ConfigMap, metadata: { name: shop-extra-{{ n }} } }
---
# nothing here
{%- endfor %}
{%- endif %}
`;
