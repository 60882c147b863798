import { readFileSync } from 'node:fs';

/** One ```sh block of a guide, with the texts that its output must show. */
export interface GuideBlock {
  readonly heading: string;
  readonly script: string;
  readonly shows: readonly string[];
}

/** guideBlocks reads the shell blocks of a Markdown file and the `<!-- shows: … -->` comments that follow each. */
export function guideBlocks(file: string): GuideBlock[] {
  const blocks: GuideBlock[] = [];
  let heading = '';
  let script: string[] | undefined;
  let shows: string[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (script) {
      if (line === '```') {
        shows = [];
        blocks.push({ heading, script: script.join('\n'), shows });
        script = undefined;
      } else script.push(line);
    } else if (line === '```sh') script = [];
    else if (line.startsWith('## ')) heading = line.slice(3);
    else {
      const match = /^<!-- shows: (.*) -->$/.exec(line);
      if (match?.[1]) shows.push(match[1]);
    }
  }
  return blocks;
}
