import { DashboardPage, type Frame } from './layout.tsx';

/** Where an operator signs in with a key. The key is never shown again. */
export function SignInPage({
  frame,
  fault,
  isOpen,
}: {
  frame: Frame;
  fault: string | null;
  isOpen: boolean;
}) {
  return (
    <DashboardPage frame={frame} title={fault === null ? 'Sign in' : 'Sign in: wrong key'}>
      <div className="sign-in">
        <h1>Dashboard</h1>
        {!isOpen && (
          <p>
            It is closed: set <code>ADMIN_API_KEY</code> and restart Footnote.
          </p>
        )}
        <form method="post" action="/admin/sign-in">
          <div className="field">
            <label htmlFor="key">Admin key</label>
            {fault !== null && (
              <p className="error" id="key-error">
                {fault}
              </p>
            )}
            <input
              type="password"
              id="key"
              name="key"
              autoComplete="current-password"
              required
              aria-invalid={fault === null ? undefined : true}
              aria-describedby={fault === null ? undefined : 'key-error'}
            />
          </div>
          <button type="submit">Sign in</button>
        </form>
        <p className="small">
          {'One of scope read at least. `npm run admin -- keys create NAME --scope read` makes one.'}
        </p>
      </div>
    </DashboardPage>
  );
}
