import { z } from 'zod';
import { beginImport, finishImport, type Importing, previewRows, takeRows } from '../importing/importing.ts';
import { findImport, ImportError, imports } from '../importing/imports.ts';
import { importRows } from '../importing/rows.ts';
import { previewUndo, undoImport } from '../importing/undo.ts';
import { Problem } from '../web/problems.ts';
import { type Operation, operation } from './operation.ts';
import {
  batchTaken,
  importBegun,
  importPreview,
  importState,
  next,
  page,
  slug,
  text,
  undoneRows,
} from './shapes.ts';

const lists = z.array(slug).max(100, 'must be 100 at most');
const newImport = z.strictObject({
  digest: text.regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal').meta({
    description: 'Of the file: the same file with the same wish goes on where it broke off',
  }),
  file: text.min(1, 'must not be empty').max(255, 'must be 255 characters at most').meta({
    description: 'Its name, for people',
  }),
  lists: lists.meta({ description: 'For rows that name no list of their own' }),
  source: text.trim().min(1, 'must not be empty').max(1000, 'must be 1000 characters at most').meta({
    description: 'Where consent comes from; kept as proof',
    example: 'Export from Mailchimp of 1 March 2026, double opt-in since 2019',
  }),
});
const batch = z.strictObject({
  from: z.number('must be a number').int('must be a whole number').min(0, 'must be 0 at least').meta({
    description: 'The place of its first row in the import',
  }),
  rows: importRows,
});
const preview = z.strictObject({ lists, rows: importRows });

/** Bytes: some thousand rows. */
const largestBody = 4 * 2 ** 20;
const one = { params: z.object({ id: z.uuid() }), problems: { 404: 'There is no such import.' } };

/** `/admin/api/imports`: bringing people over from another system, batch by batch, and taking that back. */
export function importOperations(importing: Importing): Operation[] {
  return [
    operation(
      {
        id: 'imports.list',
        verb: 'get',
        path: '/imports',
        scope: 'read',
        summary: 'All imports, the newest first',
        query: page.extend({ cursor: z.uuid('must be the next of a page').optional() }),
        answer: { description: 'A page', shape: z.object({ imports: z.array(importState), next }) },
      },
      async ({ query: { cursor = null, limit } }) => {
        const found = await imports(importing, { before: cursor, limit });
        return { imports: found, next: found.length < limit ? null : (found.at(-1)?.id ?? null) };
      },
    ),
    operation(
      {
        id: 'imports.begin',
        verb: 'post',
        path: '/imports',
        scope: 'write',
        summary: 'Begin an import, or go on with one that broke off',
        body: newImport,
        target: ['id'],
        answer: { description: 'Where to go on; `finishedAt`: all of it is there', shape: importBegun },
        problems: { 409: 'It is there already, and taken back in part.' },
      },
      ({ key, body }) => beginImport(importing, { ...body, key: key.name }).catch(tellOperator),
    ),
    operation(
      {
        id: 'imports.preview',
        verb: 'post',
        path: '/imports/preview',
        scope: 'read',
        summary: 'What rows would come to, with nothing written',
        body: preview,
        largestBody,
        answer: { description: 'The counts of these rows', shape: importPreview },
      },
      ({ body }) => previewRows(importing, body.lists, body.rows).catch(tellOperator),
    ),
    operation(
      {
        ...one,
        id: 'imports.read',
        verb: 'get',
        path: '/imports/:id',
        scope: 'read',
        summary: 'One import',
        answer: { description: 'How far it is', shape: importState },
      },
      ({ params }) => findImport(importing, params.id).catch(tellOperator),
    ),
    operation(
      {
        id: 'imports.rows',
        verb: 'post',
        path: '/imports/:id/rows',
        scope: 'write',
        summary: 'Take a batch of rows; a repeat is answered alike and does nothing',
        params: one.params,
        body: batch,
        largestBody,
        answer: { description: 'How far the import is, and which rows were refused', shape: batchTaken },
        problems: { ...one.problems, 409: 'It takes no more rows, or some before these are missing.' },
      },
      ({ params, body }) => takeRows(importing, params.id, body.from, body.rows).catch(tellOperator),
    ),
    operation(
      {
        ...one,
        id: 'imports.finish',
        verb: 'post',
        path: '/imports/:id/finish',
        scope: 'write',
        summary: 'Say that the file ends here',
        answer: { description: 'The import', shape: importState },
      },
      ({ params }) => finishImport(importing, params.id).catch(tellOperator),
    ),
    operation(
      {
        ...one,
        id: 'imports.undo.preview',
        verb: 'get',
        path: '/imports/:id/undo',
        scope: 'read',
        summary: 'What taking back a page of it would come to, with nothing changed',
        query: z.strictObject({
          after: z
            .string()
            .regex(/^\d{1,9}$/, 'must be the after of a page')
            .transform(Number)
            .optional()
            .meta({ description: 'The `after` of the page before' }),
        }),
        answer: { description: 'What would become of the page', shape: undoneRows },
      },
      ({ params, query: { after = null } }) => previewUndo(importing, params.id, after).catch(tellOperator),
    ),
    operation(
      {
        ...one,
        id: 'imports.undo',
        verb: 'post',
        path: '/imports/:id/undo',
        scope: 'write',
        summary: 'Take back a page of what an import did; opt-outs stay, and what people did since',
        body: z
          .strictObject({
            after: z
              .number('must be a number')
              .int('must be a whole number')
              .min(0, 'must be 0 at least')
              .nullable()
              .default(null),
          })
          .prefault({}),
        answer: { description: 'What became of the page', shape: undoneRows },
      },
      ({ params, body }) => undoImport(importing, params.id, body.after).catch(tellOperator),
    ),
  ];
}

function tellOperator(error: unknown): never {
  if (!(error instanceof ImportError)) throw error;
  const { fault } = error;
  switch (fault.why) {
    case 'unknown_list': {
      const message = `There is no mailing list ${fault.list} on offer.`;
      throw new Problem(422, 'Unprocessable Content', message, [{ field: 'lists', message }]);
    }
    case 'unknown_import':
      throw new Problem(404, 'Not Found', 'There is no such import.');
    case 'finished':
      throw new Problem(409, 'Conflict', 'This import is finished and takes no more rows.');
    case 'half_undone':
      throw new Problem(
        409,
        'Conflict',
        `This file was imported before, and that is taken back in part. First go on with: imports undo ${fault.id}`,
      );
    case 'gap':
      throw new Problem(409, 'Conflict', `Rows are missing: the import goes on at row ${fault.rows}.`);
  }
}
