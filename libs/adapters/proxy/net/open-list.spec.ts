import { describe, expect, it } from 'vitest';
import { OpenList } from './open-list.js';

interface Member {
  readonly name: string;
  place: number;
}

const make = (name: string): Member => ({ name, place: -1 });

describe('OpenList', () => {
  it('holds who entered and did not leave', () => {
    const list = new OpenList<Member>();
    const [a, b, c] = [make('a'), make('b'), make('c')];
    for (const member of [a, b, c]) list.add(member);
    list.delete(a);
    list.delete(a);
    expect([list.size, Array.from(list, ({ name }) => name).sort()]).toEqual([2, ['b', 'c']]);
    list.add(a);
    list.delete(b);
    list.delete(c);
    expect(Array.from(list)).toEqual([a]);
    list.delete(a);
    expect([list.size, a.place]).toEqual([0, -1]);
  });

  it('meets everybody who stays, whoever leaves or enters meanwhile', () => {
    const list = new OpenList<Member>();
    const members = Array.from({ length: 20 }, (_, i) => make(String(i)));
    for (const member of members) list.add(member);
    const met = new Set<Member>();
    for (const member of list) {
      met.add(member);
      const number = Number(member.name);
      if (number % 3 === 0) list.delete(member);
      if (number === 19) for (const early of [1, 2, 18]) list.delete(members[early] as Member);
      if (number === 10) list.add(make('late'));
    }
    for (const member of list) if (member.name !== 'late') expect(met).toContain(member);
    expect(list.size).toBe(20 - 7 - 2 + 1);
  });
});
