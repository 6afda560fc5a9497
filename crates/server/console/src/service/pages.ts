// Lists that come in pages, put together; so many and no more.

/** Pages that are put together; more is asked with the program. */
const MOST = 5;

export async function everything<P extends { nextPageToken: string }, T>(ask: (pageToken: string) => Promise<P>, rows: (page: P) => T[]): Promise<T[]> {
  const all: T[] = [];
  let token = "";
  for (let page = 0; page < MOST; page++) {
    const answer = await ask(token);
    all.push(...rows(answer));
    token = answer.nextPageToken;
    if (!token) break;
  }
  return all;
}
