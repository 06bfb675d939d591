import { expect, it } from 'vitest';
import { readTime } from '../../../src/admin/cli/import/times.ts';
import { now, put, read } from './reading.ts';

it('a row becomes a person with proof of consent', async () => {
  const file = await put(
    'email,list,state,first_name,locale,consented_at,consent_ip\n A@Daily.example , daily ,Subscribed, Ada , de ,2024-05-06 07:08:09,2001:db8::1\n',
  );
  expect((await read(file)).rows).toEqual([
    {
      line: 2,
      email: 'A@Daily.example',
      firstName: 'Ada',
      locale: 'de',
      state: 'subscribed',
      consentedAt: '2024-05-06T07:08:09.000Z',
      consentIp: '2001:db8::1',
      consentSource: null,
      endedAt: null,
      list: 'daily',
    },
  ]);
});

it('who left comes before who is subscribed, so that no order of rows raises anybody (I2)', async () => {
  const file = await put(
    [
      'email,status,unsubscribed_at',
      'a@daily.example,subscribed,',
      'bad,subscribed,',
      'a@daily.example,unsubscribed,2024-01-02',
      'b@daily.example,active,',
      'c@daily.example,bounced,',
    ].join('\n'),
  );
  const { rows, rejects } = await read(file);
  expect(rows.map(({ line, state, endedAt }) => [line, state, endedAt])).toEqual([
    [4, 'unsubscribed', '2024-01-02T00:00:00.000Z'],
    [6, 'cleaned', null],
    [2, 'subscribed', null],
    [5, 'subscribed', null],
  ]);
  expect(rejects).toMatchObject([{ line: 3, file: 'people.csv' }]);
});

it('who has a time of leaving, and no state, left (I2)', async () => {
  const { rows } = await read(
    await put('email,unsubscribed_at\na@daily.example,\nb@daily.example,2024-01-02\n'),
  );
  expect(rows.map(({ email, state }) => [email, state])).toEqual([
    ['b@daily.example', 'unsubscribed'],
    ['a@daily.example', 'subscribed'],
  ]);
});

it('who asked again after they left, or must get no mail, is not subscribed (I2)', async () => {
  const { rows, rejects } = await read(
    await put(
      [
        'email,state,ended_at,mail_block,changed_at,consented_at',
        'a@daily.example,pending,2024-01-02,,2025-01-02,',
        'b@daily.example,pending,,,2025-01-02,',
        'c@daily.example,pending,,bounced,2025-01-02,',
        'd@daily.example,subscribed,2021-01-02,complained,2025-01-02,2022-01-02',
        'e@daily.example,unsubscribed,2024-01-02,complained,2025-01-02,',
        'f@daily.example,unsubscribed,,odd,2025-01-02,',
        'g@daily.example,subscribed,,odd,2025-01-02,',
        'h@daily.example,undone,,,2025-01-02,2022-01-02',
        'i@daily.example,undone,,bounced,2025-01-02,2022-01-02',
      ].join('\n'),
    ),
  );
  expect(rows.map(({ line, state, endedAt }) => [line, state, endedAt?.slice(0, 4)])).toEqual([
    [2, 'unsubscribed', '2024'],
    // When it bounced, nobody wrote down.
    [4, 'cleaned', undefined],
    [5, 'complained', undefined],
    [6, 'complained', '2024'],
    [7, 'unsubscribed', '2025'],
    [10, 'cleaned', undefined],
  ]);
  expect(rejects.map(({ line, reason }) => [line, reason])).toEqual([
    [3, expect.stringContaining('never confirmed')],
    [8, 'the mail block “odd” is neither bounced nor complained'],
    [9, expect.stringContaining('taken back')],
  ]);
});

it('no fault but one of the address keeps an opt-out from being taken (I2)', async () => {
  const { rows, rejects } = await read(
    await put(
      'email,status,first_name,consented_at,consent_ip,unsubscribed_at\na@daily.example,unsubscribed,\uFFFD,soon,x,y,z\n',
    ),
  );
  expect(rejects).toEqual([]);
  expect(rows).toMatchObject([
    { state: 'unsubscribed', firstName: null, consentedAt: null, consentIp: null, endedAt: null },
  ]);
});

it('who says subscribed and left is taken only where the consent is newer (I2)', async () => {
  const file = await put(
    [
      'email,status,consented_at,unsubscribed_at',
      'a@daily.example,subscribed,2024-01-02,2024-01-01',
      'b@daily.example,subscribed,2024-01-01,2024-01-02',
      'c@daily.example,subscribed,,2024-01-02',
      'd@daily.example,subscribed,2024-01-02,once',
    ].join('\n'),
  );
  const { emails, rejects } = await read(file);
  expect(emails).toEqual(['a@daily.example']);
  expect(rejects.map(({ line }) => line)).toEqual([3, 4, 5]);
});

it('a row that cannot be taken says why, and the others are (I1)', async () => {
  const rows: [row: string, reason: string][] = [
    [',Ada,,,', 'the email address is missing'],
    ['ada,Ada,subscribed,,', 'The email address has no @. It should look like name@example.com.'],
    ['ada@localhost,Ada,subscribed,,', 'Addresses ending in “localhost” cannot get mail from us.'],
    ['jürgen@daily.example,Ada,subscribed,,', 'Letters such as ü or ñ before the @ are not supported.'],
    ['a@daily.example,Ada,pending,,', 'never confirmed (pending)'],
    ['a@daily.example,Ada,Nonsubscribed,,', 'never agreed'],
    ['a@daily.example,Ada,transactional,,', 'never agreed'],
    ['a@daily.example,Ada,CA,,', 'the state “CA” is none of subscribed, unsubscribed and cleaned'],
    ['a@daily.example,Ada,,,', 'the state is missing'],
    ['a@daily.example,Ada,subscribed,05/06/2024,', 'consent time cannot be read'],
    ['a@daily.example,Ada,subscribed,2027-01-01,', 'consent time cannot be read'],
    ['a@daily.example,Ada,subscribed,,1.2.3', 'consent IP cannot be read'],
    ['a@daily.example,A\0da,subscribed,,', 'characters that cannot be read'],
  ];
  const good = 'z@daily.example,Zoe,subscribed,,';
  const header = 'email,first_name,state,consented_at,consent_ip';
  const { emails, rejects } = await read(await put([header, ...rows.map(([row]) => row), good].join('\n')));
  expect(emails).toEqual(['z@daily.example']);
  expect(rejects.map(({ line }) => line)).toEqual(rows.map((_, index) => index + 2));
  for (const [index, [row, reason]] of rows.entries()) expect(rejects[index]?.reason, row).toContain(reason);
});

it('times are read in the forms that nobody misreads, in UTC, and no others', () => {
  const readable = {
    '2024-05-06': '2024-05-06T00:00:00.000Z',
    '2024-05-06 07:08:09': '2024-05-06T07:08:09.000Z',
    '2024-05-06T07:08:09.123Z': '2024-05-06T07:08:09.123Z',
    '2024-05-06 07:08:09+02:00': '2024-05-06T05:08:09.000Z',
    '2024-05-06T07:08-0330': '2024-05-06T10:38:00.000Z',
    '2024-05-06 07:08:09.5 UTC': '2024-05-06T07:08:09.500Z',
    '6.5.2024': '2024-05-06T00:00:00.000Z',
    '06.05.2024 7:08': '2024-05-06T07:08:00.000Z',
    '06.05.2024, 07:08:09': '2024-05-06T07:08:09.000Z',
    '1714979289': '2024-05-06T07:08:09.000Z',
    '2024-02-29': '2024-02-29T00:00:00.000Z',
  };
  for (const [text, time] of Object.entries(readable)) expect(readTime(text, now), text).toBe(time);
  for (const text of [
    '05/06/2024',
    '2024-02-30',
    '2023-02-29',
    '0000-00-00 00:00:00',
    '1970-01-01 00:00:00',
    '2024-05-06 24:00',
    '2024-05-06T07:08+15:00',
    '31.4.2024',
    'yesterday',
    '45418',
    '2026-10-01 12:00:01',
    '01.01.2100',
    '',
  ])
    expect(readTime(text, now), text).toBeNull();
});
