import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** writeTestChart writes a chart with one ConfigMap and one test, which succeeds for `answer=42`. @returns its folder */
export async function writeTestChart(folder: string, image: string): Promise<string> {
  const chart = join(folder, 'chart');
  const check = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: '{{ .Release.Name }}-check',
      annotations: { 'helm.sh/hook': 'test', 'helm.sh/hook-delete-policy': 'before-hook-creation' },
    },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'check', image, imagePullPolicy: 'Never', args: ['test "{{ .Values.answer }}" = 42'] }],
    },
  };
  const settings = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: '{{ .Release.Name }}-settings' },
    data: { answer: '{{ .Values.answer }}' },
  };
  await mkdir(join(chart, 'templates', 'tests'), { recursive: true });
  await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: shop\nversion: 0.1.0\n');
  await writeFile(join(chart, 'values.yaml'), 'answer: ""\nsecret: false\nnode: false\n');
  // Files of JSON are YAML; quotes inside of templates would end the strings around them.
  await writeFile(join(chart, 'templates', 'settings.yaml'), JSON.stringify(settings, null, 2));
  await writeFile(join(chart, 'templates', 'tests', 'check.yaml'), JSON.stringify(check, null, 2));
  await writeFile(
    join(chart, 'templates', 'beyond.yaml'),
    '{{ if .Values.beyond }}{"apiVersion":"v1","kind":"Service","metadata":{"name":"beyond"},"spec":{"ports":[{"port":80}]}}{{ end }}\n',
  );
  return chart;
}
