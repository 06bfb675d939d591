// Lets whoever found somebody go back to all that was found. The search is no address that a browser could go back to,
// as what stands in one ends up in logs; so its beginning is kept in the tab.

const key = 'beginning';
const search = document.getElementById('search');
const back = document.getElementById('back');

if (search !== null) sessionStorage.setItem(key, search.elements.beginning.value);
const beginning = sessionStorage.getItem(key);
if (back !== null && beginning) {
  back.elements.beginning.value = beginning;
  back.hidden = false;
}
