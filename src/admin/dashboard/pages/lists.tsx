import type { ReactNode } from 'react';
import type { AdminKey } from '../../../access/keys.ts';
import type { ConsentWording } from '../../../consent/wordings.ts';
import type { everyList } from '../../../subscribing/lists.ts';
import type { FieldError } from '../../../web/pages/fields.tsx';
import { DashboardPage, type Frame } from './layout.tsx';
import { ButtonForm, count, Table } from './parts.tsx';

type List = Awaited<ReturnType<typeof everyList>>[number];

/** What was typed of a mailing list that is to be. */
type NewList = Pick<List, 'slug' | 'name' | 'description'>;

/** `/admin/lists`: what forms show. */
export function ListsPage({
  lists,
  texts,
  typed,
  ...edited
}: Edited & {
  lists: readonly List[];
  texts: readonly ConsentWording[];
  typed: NewList | null;
}) {
  const { frame, holder, errors, isPreview } = edited;
  return (
    <DashboardPage frame={frame} title="Lists and texts" place="/admin/lists">
      <h1>Lists and texts</h1>
      {lists.length === 0 ? (
        <p>There is no mailing list yet.</p>
      ) : (
        <Table
          id="lists"
          caption="Mailing lists, in the order of the form"
          head={['List', 'Slug', 'Description', 'Subscribers', 'Form']}
          rows={lists.map(({ slug, name, description, archived, subscribers }) => ({
            key: slug,
            cells: [
              <a href={`/admin/lists/${slug}`} key="list">
                {name}
              </a>,
              slug,
              description,
              count(subscribers),
              archived ? 'archived' : 'offered',
            ],
          }))}
        />
      )}
      {holder.scopes.includes('write') && (
        <details id="new-list" open={typed !== null}>
          <summary>A new mailing list</summary>
          {isPreview && typed !== null && <ListPreview of={typed} />}
          <form method="post" action="/admin/lists">
            <Field name="slug" label="Slug" value={typed?.slug ?? ''} errors={errors}>
              How forms name it, such as morning-briefing; it never changes.
            </Field>
            <Field name="name" label="Name" value={typed?.name ?? ''} errors={errors} />
            <Field name="description" label="Description" value={typed?.description ?? ''} errors={errors} />
            <p className="small">
              Readers can tick it at once: it stands last in every form that names no lists.
            </p>
            <Buttons mayWrite save="Create" />
          </form>
        </details>
      )}
      <Table
        id="consent-texts"
        caption="Consent texts, one a language"
        head={['Language', 'Text']}
        rows={texts.map(({ locale, text }) => ({
          key: locale,
          cells: [
            <a href={`/admin/consent-texts/${locale}`} key="locale">
              {new Intl.DisplayNames('en', { type: 'language' }).of(locale) ?? locale}
            </a>,
            <bdi lang={locale} key="text">
              {text}
            </bdi>,
          ],
        }))}
      />
    </DashboardPage>
  );
}

interface Edited {
  frame: Frame;
  holder: AdminKey;
  /** What is wrong with what was typed. */
  errors: readonly FieldError[];
  /** Whether what was typed is shown as readers would see it. */
  isPreview: boolean;
}

/** Wording one list anew. */
export function ListPage({
  list,
  typed,
  ...edited
}: Edited & { list: List; typed: Pick<List, 'name' | 'description'> }) {
  const { frame, holder, errors, isPreview } = edited;
  const mayWrite = holder.scopes.includes('write');
  return (
    <DashboardPage frame={frame} title={`Mailing list: ${list.name}`} place="/admin/lists">
      <h1>{list.name}</h1>
      {list.archived && (
        <p className="alert">
          Archived: no form offers it, and nobody new joins. The {count(list.subscribers)} who are on it stay
          until they leave.
        </p>
      )}
      {isPreview && <ListPreview of={typed} />}
      <form method="post" action={`/admin/lists/${list.slug}`}>
        <Field name="name" label="Name" value={typed.name} errors={errors} />
        <Field name="description" label="Description" value={typed.description} errors={errors} />
        <p className="small">Earlier wordings stay, as people agreed to them.</p>
        <Buttons mayWrite={mayWrite} />
      </form>
      {mayWrite && !list.archived && (
        <details>
          <summary>Take this list off the forms</summary>
          <p>
            Nobody new joins. The {count(list.subscribers)} who are on it stay until they leave. It can be
            offered again.
          </p>
          <ButtonForm action={`/admin/lists/${list.slug}/archive`}>Archive</ButtonForm>
        </details>
      )}
      {mayWrite && list.archived && (
        <ButtonForm action={`/admin/lists/${list.slug}/offer`}>Offer it again</ButtonForm>
      )}
    </DashboardPage>
  );
}

function ListPreview({ of: { name, description } }: { of: Pick<List, 'name' | 'description'> }) {
  return (
    <section className="preview" aria-labelledby="preview">
      <h2 id="preview">As readers will see it</h2>
      <div className="choice">
        <input type="checkbox" id="shown" disabled />
        <label htmlFor="shown">
          <bdi>{name}</bdi>
        </label>
        <div>
          <p>
            <bdi>{description}</bdi>
          </p>
        </div>
      </div>
    </section>
  );
}

/** Wording the consent text of one language anew. */
export function ConsentTextPage({ locale, text, ...edited }: Edited & { locale: string; text: string }) {
  const { frame, holder, errors, isPreview } = edited;
  const name = new Intl.DisplayNames('en', { type: 'language' }).of(locale) ?? locale;
  return (
    <DashboardPage frame={frame} title={`Consent text: ${name}`} place="/admin/lists">
      <h1>Consent text, {name}</h1>
      {isPreview && (
        <section className="preview" aria-labelledby="preview">
          <h2 id="preview">As readers will see it, below the form</h2>
          <p className="small" lang={locale} dir="auto">
            {text}
          </p>
        </section>
      )}
      <form method="post" action={`/admin/consent-texts/${locale}`}>
        <Field name="text" label="Text" value={text} errors={errors} isLong lang={locale} />
        <p className="small">
          The proof of everybody who signs up from now on names this text. Earlier ones stay.
        </p>
        <Buttons mayWrite={holder.scopes.includes('write')} />
      </form>
    </DashboardPage>
  );
}

function Buttons({ mayWrite, save = 'Save' }: { mayWrite: boolean; save?: string }) {
  if (!mayWrite) return <p>Your key may look only: changing this needs one of scope write.</p>;
  return (
    <div className="buttons">
      <button type="submit" className="quiet" name="action" value="preview">
        Preview
      </button>
      <button type="submit" name="action" value="save">
        {save}
      </button>
    </div>
  );
}

function Field({
  name,
  label,
  value,
  errors,
  isLong = false,
  lang,
  children,
}: {
  name: string;
  label: string;
  value: string;
  errors: readonly FieldError[];
  isLong?: boolean;
  lang?: string;
  /** What one should know before typing. */
  children?: ReactNode;
}) {
  const error = errors.find(({ field }) => field === name)?.message;
  const shared = {
    id: name,
    name,
    lang,
    defaultValue: value,
    'aria-invalid': error === undefined ? undefined : true,
    'aria-describedby':
      [error !== undefined && `${name}-error`, children !== undefined && `${name}-hint`]
        .filter(Boolean)
        .join(' ') || undefined,
  } as const;
  return (
    <div className="field">
      <label htmlFor={name}>{label}</label>
      {error !== undefined && (
        <p className="error" id={`${name}-error`}>
          {label} {error}.
        </p>
      )}
      {children !== undefined && (
        <p className="small" id={`${name}-hint`}>
          {children}
        </p>
      )}
      {isLong ? <textarea rows={10} dir="auto" {...shared} /> : <input type="text" {...shared} />}
    </div>
  );
}
