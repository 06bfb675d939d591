import type { AccountState } from './account.ts';
import * as answers from './answers.ts';
import type { Call, Routes } from './door.ts';
import * as members from './members.ts';
import * as requests from './requests.ts';
import { createSearch } from './search.ts';
import { pageOf, select } from './selection.ts';

/** The members. `told` hears of changes; members whose ids are `overlooked` are passed over in batches. */
export function memberRoutes(
  { read, write }: Routes,
  options: {
    state: AccountState;
    overlooked: ReadonlySet<string>;
    told: members.Circumstances['told'];
    now: () => Date;
  },
): void {
  const { state, overlooked, told, now } = options;
  const search = createSearch(state);
  const idIn = (call: Call) => members.idOfPath(call.params.member ?? '');
  const circumstances = ({ skip_merge_validation = false } = {}): members.Circumstances => ({
    now: now(),
    skipMergeValidation: skip_merge_validation,
    told,
  });

  read('/lists/:list/members', (call) => {
    const query = requests.parse(requests.membersQuery, call.query);
    const found = search(query);
    return select(
      {
        members: pageOf(found, query).map((member) => answers.memberAnswer(state, member)),
        list_id: state.audience.id,
        total_items: found.length,
        _links: [],
      },
      query,
    );
  });
  write('post', '/lists/:list/members', ({ query, body }) => {
    const change = requests.parse(requests.postMember, body);
    const options = circumstances(requests.parse(requests.writeQuery, query));
    return answers.memberAnswer(state, members.postMember(state, change, options));
  });
  write('post', '/lists/:list', ({ query, body }) => {
    const batch = requests.parse(requests.batchMembers, body);
    const options = requests.parse(requests.batchQuery, query);
    const result = members.putMembers(state, batch, {
      ...circumstances(options),
      skipDuplicateCheck: options.skip_duplicate_check,
      overlooked,
    });
    return {
      new_members: result.created.map((member) => answers.batchMemberAnswer(state, member)),
      updated_members: result.updated.map((member) => answers.batchMemberAnswer(state, member)),
      errors: result.errors,
      total_created: result.created.length,
      total_updated: result.updated.length,
      error_count: result.errors.length,
      _links: [],
    };
  });

  const member = '/lists/:list/members/:member';
  read(member, (call) =>
    select(
      answers.memberAnswer(state, members.findMember(state, idIn(call))),
      requests.parse(requests.selectionQuery, call.query),
    ),
  );
  write('put', member, (call) => {
    const change = requests.parse(requests.putMember, call.body);
    const options = circumstances(requests.parse(requests.writeQuery, call.query));
    return answers.memberAnswer(state, members.putMember(state, idIn(call), change, options));
  });
  write('patch', member, (call) => {
    const change = requests.parse(requests.patchMember, call.body);
    const options = circumstances(requests.parse(requests.writeQuery, call.query));
    return answers.memberAnswer(state, members.patchMember(state, idIn(call), change, options));
  });
  write('delete', member, (call) => {
    members.archiveMember(state, idIn(call), circumstances());
    return null;
  });
  write('post', `${member}/actions/delete-permanent`, (call) => {
    members.forgetMember(state, idIn(call), circumstances());
    return null;
  });
}
