import { expect, it } from 'vitest';
import { csvOf } from '../../src/platform/csv.ts';
import { checkSignUp } from '../../src/web/sign-up-form.ts';

it('no cell of an export is a formula, whatever stands before its sign (A-16)', () => {
  for (const cell of ['=1+1', '+1', '-1', '@x', ' =1', '\t=1', '\u200b=1', '\uff1d1+1', '\uff0b1', '\uff201'])
    expect(csvOf(['a'], [{ a: cell }]), JSON.stringify(cell)).toContain(`'${cell}`);
  expect(csvOf(['a'], [{ a: 'plain - text' }])).not.toContain("'");
});

it('no name holds what is not seen (A-10)', () => {
  const offered = [{ id: 1, slug: 'daily', name: 'Daily', description: '', wording: 'w' }];
  const check = (firstName: string) =>
    checkSignUp({ email: 'a@b.example', lists: ['daily'], firstName }, offered);
  for (const unseen of [
    '\u061c',
    '\u00ad',
    '\u034f',
    '\u180e',
    '\ufff9',
    '\u{e0041}',
    '\uffff',
    '\u3164',
    '\u202e',
  ])
    expect(check(`A${unseen}da`).ok, unseen.codePointAt(0)?.toString(16)).toBe(false);
  for (const name of ['Ada', 'Ada ❤️', 'Renée', '李', 'عائشة', "D'Arcy"])
    expect(check(name).ok, name).toBe(true);
});
