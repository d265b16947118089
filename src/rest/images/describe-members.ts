/** What the OpenAPI document says of members of images, and of the schemas that clients read. */
import type { OperationDescription } from '#base/http-description.ts';
import {
  about,
  codedBody,
  done,
  json,
  noReader,
  noSuchImage,
  type Operations,
  readOnly,
  refusedChange,
  refusedReading,
} from './describe-parts.ts';

const member = { description: 'The member.', content: json('Member') };
const notShared = 'The image is not of visibility `shared`, or the caller has no role that reads.';
const noSuchMember = `${noSuchImage} Or it is not shared with this project.`;

const list: OperationDescription = {
  id: 'listImageMembers',
  summary: 'The projects that an image is shared with',
  answers: { 200: { description: 'All of them.', content: json('MemberList') } },
  refusals: refusedReading({ 403: notShared }),
};

const add: OperationDescription = {
  id: 'addImageMember',
  summary: 'Shares an image with a project, which may accept it',
  body: json('NewMember'),
  answers: { 200: { ...member, description: 'The member, pending.' } },
  refusals: {
    400: 'The body names no project.',
    403: 'The image is not of visibility `shared`, or not the caller’s to share.',
    404: noSuchImage,
    409: 'The image is shared with this project already.',
    413: 'It is shared with as many projects as this server takes, or the body is too large.',
    415: codedBody,
    503: readOnly,
  },
};

const show: OperationDescription = {
  id: 'showImageMember',
  summary: 'A project that an image is shared with',
  answers: { 200: member },
  refusals: refusedReading({ 403: noReader, 404: noSuchMember }),
};

const update: OperationDescription = {
  id: 'answerImageMember',
  summary: 'What a project makes of an image that is shared with it',
  body: json('MemberAnswer'),
  answers: { 200: member },
  refusals: {
    400: 'The status is none.',
    403: 'Only the project itself answers, or an administrator.',
    404: noSuchMember,
    413: 'The body is too large.',
    415: codedBody,
    503: readOnly,
  },
};

const remove: OperationDescription = {
  id: 'removeImageMember',
  summary: 'Ends sharing an image with a project; a member may end it for itself',
  answers: { 204: done },
  refusals: refusedChange({ 403: 'The image is not the caller’s to share.', 404: noSuchMember }),
};

const schema = (id: string, of: string): Operations =>
  about(id, `The JSON Schema of ${of}, as this deployment has it`, 'ImageSchema');

export const memberOperations: Readonly<Record<string, Operations>> = {
  '/images/:id/members': { GET: list, POST: add },
  '/images/:id/members/:member': { GET: show, PUT: update, DELETE: remove },
};

export const schemaOperations: Readonly<Record<string, Operations>> = {
  '/schemas/image': schema('showImageSchema', 'an image'),
  '/schemas/images': schema('showImagesSchema', 'a list of images'),
  '/schemas/member': schema('showMemberSchema', 'a member'),
  '/schemas/members': schema('showMembersSchema', 'a list of members'),
};
