/** Types of requests and answers, derived from the OpenAPI description. */
import type { paths } from "./api";

export type Path = keyof paths;
export type Method<P extends Path> = Extract<keyof paths[P], "get" | "post" | "put" | "delete">;

/** What a request needs: the values of its path, and the JSON of its body. */
export type Options<P extends Path, M extends Method<P>> = Values<paths[P][M]> & Body<paths[P][M]>;

/** What the server answers: JSON, or null if the answer has no body. */
export type Answer<P extends Path, M extends Method<P>> = paths[P][M] extends { responses: infer Responses }
  ? Responses extends Record<200, Json<infer Content>>
    ? Content
    : Responses extends Record<201, Json<infer Content>>
      ? Content
      : null
  : never;

type Json<Content> = { content: { "application/json": Content } };
type Values<Operation> = Operation extends { parameters: { path: infer PathValues } } ? { values: PathValues } : object;
type Body<Operation> = Operation extends { requestBody: Json<infer Content> } ? { json: Content } : object;
