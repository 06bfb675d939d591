/** A button that posts to `action` and nothing else: the only way in which a page changes anything (U-09). */
export function PostButton({
  action,
  label,
  quiet = false,
}: {
  action: string;
  label: string;
  quiet?: boolean;
}) {
  return (
    <form method="post" action={action}>
      <button type="submit" className={quiet ? 'quiet' : undefined}>
        {label}
      </button>
    </form>
  );
}
