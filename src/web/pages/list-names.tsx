/** Mailing lists to read, not to choose from. */
export function ListNames({ lists }: { lists: readonly { name: string; description?: string }[] }) {
  return (
    <ul className="lists">
      {lists.map(({ name, description }) => (
        <li key={name}>
          <strong>
            <bdi>{name}</bdi>
          </strong>
          {description && (
            <p>
              <bdi>{description}</bdi>
            </p>
          )}
        </li>
      ))}
    </ul>
  );
}
