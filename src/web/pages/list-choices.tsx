export type ListChoice = {
  slug: string;
  name: string;
  description: string;
  ticked: boolean;
  note?: string | undefined;
};

/** The element of one checkbox, for links to it. */
export function listChoiceId(slug: string): string {
  return `list-${slug}`;
}

/** One checkbox, named `lists`, for each mailing list; the error of the whole group stands above them. */
export function ListChoices({
  legend,
  choices,
  error,
}: {
  legend: string;
  choices: readonly ListChoice[];
  error?: string | undefined;
}) {
  return (
    <fieldset aria-describedby={error && 'lists-error'}>
      <legend>{legend}</legend>
      {error && (
        <p className="error" id="lists-error">
          {error}
        </p>
      )}
      {choices.map(({ slug, name, description, ticked, note }) => (
        <div className="choice" key={slug}>
          <input
            type="checkbox"
            name="lists"
            value={slug}
            id={listChoiceId(slug)}
            defaultChecked={ticked}
            aria-invalid={error ? true : undefined}
            aria-describedby={`about-${slug}`}
          />
          <label htmlFor={listChoiceId(slug)}>
            <bdi>{name}</bdi>
          </label>
          <div id={`about-${slug}`}>
            {description && (
              <p>
                <bdi>{description}</bdi>
              </p>
            )}
            {note && <p className="note">{note}</p>}
          </div>
        </div>
      ))}
    </fieldset>
  );
}
