// The shapes that the API sends: https://…/docs of a running service is the reference.

/**
 * @typedef {object} Hit
 * @property {string} source_id
 * @property {number} start_ms
 * @property {number} end_ms
 * @property {number} peak_ms
 * @property {string | null} captured_at
 * @property {number} score
 * @property {number | null} confidence
 * @property {string} thumbnail_url
 * @property {string} clip_url
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
 * @property {string} name
 * @property {string} category
 * @property {string | null} url
 * @property {"running" | "paused" | "removed"} wanted
 * @property {"waiting" | "running" | "catching-up" | "paused" | "indexed" | "failed"} state
 * @property {string | null} error
 * @property {number | null} progress
 * @property {number | null} duration_ms
 * @property {number} rows
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
