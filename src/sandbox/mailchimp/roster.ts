import type { Member, Status } from './state.ts';

/** The members of the audience by id, with the counts that answers need, kept up with each change. */
export class Roster implements Iterable<Member> {
  private readonly byId = new Map<string, Member>();
  private readonly statuses = new Map<Status, number>();
  private readonly choices = new Map<string, number>();
  /** Another number after each change, so that what was computed from the members can be kept until then. */
  version = 0;

  get size(): number {
    return this.byId.size;
  }

  get(id: string): Member | undefined {
    return this.byId.get(id);
  }

  [Symbol.iterator](): Iterator<Member> {
    return this.byId.values();
  }

  count(status: Status): number {
    return this.statuses.get(status) ?? 0;
  }

  /** How many are subscribed and have chosen the interest. */
  subscribersOf(interestId: string): number {
    return this.choices.get(interestId) ?? 0;
  }

  /** Puts `after` in the place of `before`; null stands for nobody. */
  replace(before: Member | null, after: Member | null): void {
    this.version += 1;
    if (before !== null) this.tally(before, -1);
    if (after !== null) this.tally(after, 1);
    if (before !== null && before.id !== after?.id) this.byId.delete(before.id);
    if (after !== null) this.byId.set(after.id, after);
  }

  private tally({ status, interests }: Member, by: 1 | -1): void {
    this.statuses.set(status, this.count(status) + by);
    if (status !== 'subscribed') return;
    for (const id in interests) {
      if (interests[id]) this.choices.set(id, this.subscribersOf(id) + by);
    }
  }
}
