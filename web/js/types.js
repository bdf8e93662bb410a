// The shapes that the API sends: https://…/docs of a running service is the reference.

/**
 * A span of a source with a picture; times are on the source's own timeline.
 * @typedef {object} Moment
 * @property {string} source_id
 * @property {number} start_ms
 * @property {number} end_ms
 * @property {number} peak_ms
 * @property {string} thumbnail_url
 */

/**
 * @typedef {Moment & {captured_at: string | null, score: number, confidence: number | null, provisional: boolean, clip_url: string | null}} Hit
 */

/**
 * @typedef {object} Answer
 * @property {Hit[]} hits
 * @property {boolean} found
 * @property {string} space
 * @property {string | null} notice
 * @property {string | null} next_cursor
 * @property {{total: number}} took_ms
 */

/**
 * @typedef {object} Source
 * @property {string} source_id
 * @property {"camera" | "file" | "push"} kind
 * @property {number} life
 * @property {string} name
 * @property {string} category
 * @property {string | null} url
 * @property {"running" | "paused" | "removed"} wanted
 * @property {"waiting" | "running" | "catching-up" | "paused" | "indexed" | "failed"} state
 * @property {string | null} error
 * @property {number | null} progress
 * @property {number | null} duration_ms
 * @property {number | null} rows
 * @property {boolean} record
 * @property {number | null} since_ms
 * @property {{codec: string, width: number, height: number, clock_off_ms: number | null} | null} camera
 * @property {number | null} last_t_ms
 * @property {string | null} last_sample_at
 * @property {number | null} searchable_seconds
 * @property {number | null} samples_per_second
 */

/**
 * @typedef {object} Question
 * @property {string} text
 * @property {Blob | null} picture
 * @property {{source_id: string, t_ms: number, thumbnail_url: string} | null} like
 * @property {string} source
 * @property {string} category
 */

export {};
