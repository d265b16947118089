/** Members of an image: the projects it is shared with, and what each of them answered. */
import { AppError } from '#base/app-error.ts';
import type { HttpExchange } from '#base/http-route.ts';
import { isJsonObject, type JsonObject } from '#base/json.ts';
import { type Member, type MemberStatus, memberStatuses } from '#core/artifact.ts';
import { toSeconds } from '#core/image-text.ts';
import { addMember } from '#ops/add-member.ts';
import type { OpContext } from '#ops/context.ts';
import { listMembers } from '#ops/list-members.ts';
import { removeMember } from '#ops/remove-member.ts';
import { updateMember } from '#ops/update-member.ts';
import { answerEmpty, answerJson } from './image-answers.ts';
import { assertNoBody, readJson, withImageWords } from './image-requests.ts';
import { imageType } from './image-type.ts';

type Exchange = HttpExchange<OpContext>;

const { type } = imageType;
const isLiveOnly = true;

/** @throws AppError ARTIFACT_NOT_FOUND, ARTIFACT_DELETED, FORBIDDEN, MEMBERS_NOT_SHARED */
export async function listImageMembers({ context, request, response, params }: Exchange): Promise<void> {
  assertNoBody(request);
  const { id: artifactId = '' } = params;
  const members = await withImageWords(artifactId, () =>
    listMembers(context, { artifactId, type, isLiveOnly, isSharedOnly: true }),
  );
  answerJson(request, response, { members: members.map(toMemberJson), schema: '/v2/schemas/members' });
}

/** @throws AppError ARTIFACT_NOT_FOUND, ARTIFACT_DELETED, FORBIDDEN, MEMBER_NOT_FOUND */
export async function showImageMember({ context, request, response, params }: Exchange): Promise<void> {
  assertNoBody(request);
  const { id: artifactId = '', member: project } = params;
  const members = await withImageWords(artifactId, () => listMembers(context, { artifactId, type, isLiveOnly }));
  const member = members.find((candidate) => candidate.project === project);
  if (member === undefined) throw new AppError('MEMBER_NOT_FOUND');
  answerJson(request, response, toMemberJson(member));
}

/** 200, and not 201: what its clients wait for. @throws AppError as addMember, REQUEST_MALFORMED, INPUT_INVALID */
export async function addImageMember(exchange: Exchange): Promise<void> {
  const { context, request, response, params } = exchange;
  const { id: artifactId = '' } = params;
  const project = await readText(exchange, 'member');
  const quota = context.settings.image.memberQuota;
  const member = await withImageWords(artifactId, () => addMember(context, { artifactId, type, project, quota }));
  answerJson(request, response, toMemberJson(member));
}

/** @throws AppError as updateMember, REQUEST_MALFORMED, INPUT_INVALID */
export async function updateImageMember(exchange: Exchange): Promise<void> {
  const { context, request, response, params } = exchange;
  const { id: artifactId = '', member: project = '' } = params;
  const status = await readText(exchange, 'status');
  if (!isMemberStatus(status)) throw invalid('/status', `must be one of ${memberStatuses.join(', ')}`);
  const member = await withImageWords(artifactId, () => updateMember(context, { artifactId, type, project, status }));
  answerJson(request, response, toMemberJson(member));
}

/** Also how a member leaves. @throws AppError as removeMember */
export async function removeImageMember({ context, request, response, params }: Exchange): Promise<void> {
  assertNoBody(request);
  const { id: artifactId = '', member: project = '' } = params;
  await withImageWords(artifactId, () => removeMember(context, { artifactId, type, project }));
  answerEmpty(response);
}

/** The one field of a body that matters here; what else clients send is passed over. */
async function readText(exchange: Exchange, name: string): Promise<string> {
  const body = await readJson(exchange);
  if (!isJsonObject(body)) throw invalid('', 'must be an object');
  const value = body[name];
  if (typeof value !== 'string' || value === '') throw invalid(`/${name}`, 'must be a text that is not empty');
  return value;
}

function invalid(pointer: string, message: string): AppError {
  return new AppError('INPUT_INVALID', undefined, { faults: [{ pointer, message }] });
}

function isMemberStatus(text: string): text is MemberStatus {
  return (memberStatuses as readonly string[]).includes(text);
}

function toMemberJson({ artifactId, project, status, createdAt, updatedAt }: Member): JsonObject {
  return {
    member_id: project,
    image_id: artifactId,
    status,
    created_at: toSeconds(createdAt),
    updated_at: toSeconds(updatedAt),
    schema: '/v2/schemas/member',
  };
}
