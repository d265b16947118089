/** The artifact type behind the Image API, and the slot that holds an image's data. */
export const imageType = { type: 'image', slot: 'data' } as const;
