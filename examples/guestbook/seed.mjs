/** Gives an empty guestbook its first entry. Running it again changes nothing. */
const store = process.env.STORE ?? 'http://store:4000';
const signal = AbortSignal.timeout(10_000);

const documents = await (await fetch(`${store}/documents`, { signal })).json();
if (documents.length > 0) {
  console.log(`the book has ${documents.length} entries already`);
} else {
  const entry = { name: 'seed', text: 'This entry was written by a job that ran before the API started.', at: new Date().toISOString() };
  const response = await fetch(`${store}/documents?key=welcome`, { method: 'PUT', body: JSON.stringify(entry), signal });
  if (!response.ok) throw new Error(`the store answered ${response.status}: ${await response.text()}`);
  console.log('the book has its first entry');
}
