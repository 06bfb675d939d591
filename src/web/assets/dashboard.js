// Brings the parts of a dashboard page that are marked `data-live` up to date, from the page itself. Without it, a
// reload shows the same.

const every = 10_000;

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
  // The session has ended: the page where one signs in is shown.
  if (answer.redirected) return location.reload();
  if (!answer.ok) return;
  const news = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const part of document.querySelectorAll('[data-live]')) {
    const next = news.getElementById(part.id);
    // Nothing moves under the hands of whoever uses it, and nothing is drawn anew that is the same.
    if (next === null || part.contains(document.activeElement)) continue;
    for (const { id } of part.querySelectorAll('details[open][id]'))
      next.querySelector(`#${id}`)?.setAttribute('open', '');
    if (!next.isEqualNode(part)) part.replaceWith(document.adoptNode(next));
  }
}

// An outage of a moment is over at the next time.
setInterval(() => refresh().catch(() => undefined), every);
