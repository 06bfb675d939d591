// Brings the parts of a dashboard page that are marked `data-live` up to date, from the page itself, and says when it
// cannot. Without it, a reload shows the same.

const every = 10_000;

const connection = document.getElementById('connection');
let reachedAt = new Date();
let isReached = true;

async function refresh() {
  const answer = await fetch(location.href, {
    headers: { Accept: 'text/html' },
    signal: AbortSignal.timeout(every),
  });
  // The session has ended: the page where one signs in is shown.
  if (answer.redirected) return location.reload();
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  const news = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const part of document.querySelectorAll('[data-live]')) {
    const next = news.getElementById(part.id);
    if (next !== null) renew(part, document.adoptNode(next));
  }
}

/** Nothing is drawn anew that is the same; what is open stays so, and who is at something stays at it. */
function renew(part, next) {
  for (const { id } of part.querySelectorAll('details[open][id]'))
    next.querySelector(`#${CSS.escape(id)}`)?.setAttribute('open', '');
  if (next.isEqualNode(part)) return;
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  part.replaceWith(next);
  if (focused === null) return;
  const again = document.getElementById(focused.id);
  // What they were at is gone, and the keyboard goes on from there.
  if (again === null) next.tabIndex = -1;
  (again ?? next).focus({ preventScroll: true });
}

function tell(reached) {
  if (reached) reachedAt = new Date();
  if (reached === isReached) return;
  isReached = reached;
  if (reached) return connection.replaceChildren();
  const time = document.createElement('time');
  time.dateTime = reachedAt.toISOString();
  const moment = { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' };
  time.textContent = new Intl.DateTimeFormat('en-GB', moment).format(reachedAt);
  const line = document.createElement('p');
  line.className = 'alert';
  line.append('Not reached since ', time, ' UTC: what stands here is of then. A reload may say why.');
  connection.append(line);
}

async function follow() {
  if (!document.hidden)
    await refresh().then(
      () => tell(true),
      () => tell(false),
    );
  setTimeout(follow, every);
}

setTimeout(follow, every);
