/** ISO 9660, and UDF, which stands at the same place: a disk of as many bytes as the blob has. */
import { draftFinding, type ImageFinding } from './image-finding.ts';
import { holdsAt, type ImageSource } from './image-source.ts';

const descriptorOffset = 32 * 1024;
const identifiers = ['CD001', 'BEA01', 'NSR02', 'NSR03'] as const;

export function inspectIso(source: ImageSource): ImageFinding | undefined {
  const { head, sizeBytes } = source;
  const identifier = identifiers.find((known) => holdsAt(head, descriptorOffset + 1, known));
  if (identifier === undefined) return undefined;
  const isPrimary = identifier === 'CD001' && head.length >= descriptorOffset + 132 && head.readUInt8(descriptorOffset) === 1;
  const volumeBytes = isPrimary
    ? head.readUInt32LE(descriptorOffset + 80) * head.readUInt16LE(descriptorOffset + 128)
    : undefined;
  return draftFinding('iso', source).finish(sizeBytes, {
    isUdf: identifier !== 'CD001',
    // Less than the blob in a hybrid, whose partitions follow.
    ...(volumeBytes === undefined ? {} : { volumeBytes }),
  });
}
