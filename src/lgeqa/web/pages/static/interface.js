// A readable page of the HTTP interface, from its OpenAPI description.

import { find, make } from "./shared/dom.js";
import { readJson, retryWhileOffline } from "./shared/http.js";
import { fillTable } from "./shared/table.js";

/** @import { Cell } from "./shared/table.js" */
/** @typedef {{ type?: string, format?: string, $ref?: string, enum?: string[], const?: string, items?: Schema, anyOf?: Schema[] }} Schema */
/** @typedef {{ description?: string, properties?: Record<string, Schema> }} Model */
/** @typedef {{ name: string, in: string, schema: Schema, required?: boolean }} Parameter */
/** @typedef {{ description: string, content?: Record<string, { schema?: Schema }> }} Answer */
/** @typedef {{ content: Record<string, { schema: Schema }> }} Body */
/** @typedef {{ description?: string, parameters?: Parameter[], requestBody?: Body, responses: Record<string, Answer> }} Route */
/** @typedef {{ paths: Record<string, Record<string, Route>>, components: { schemas: Record<string, Model> } }} Description */

/** @type {Description} */
const { paths, components } = await retryWhileOffline(async () => readJson(await fetch("/openapi.json")));
find("#example").textContent = [
  `curl -H "Authorization: Bearer TOKEN" -F file=@scan.nrrd ${location.origin}/api/uploads`,
  `curl -H "Authorization: Bearer TOKEN" ${location.origin}/api/scans?end=non-diagnostic`,
].join("\n");
find("#routes").append(
  ...Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, route]) => routeSection(`${method.toUpperCase()} ${path}`, route)),
  ),
  make("h2", {}, "Requests and responses"),
  ...Object.entries(components.schemas).flatMap(([name, model]) =>
    model.properties ? [modelSection(name, model)] : [],
  ),
);
document.body.dataset.ready = "";

/**
 * @param {string} title
 * @param {Route} route
 */
function routeSection(title, { description = "", parameters = [], requestBody, responses }) {
  const answers = Object.entries(responses).map(([status, answer]) => `${status} ${kindOf(answer)}`);
  return make(
    "section",
    {},
    make("h2", {}, make("code", {}, title)),
    ...paragraphs(description),
    parameters.length ? parameterTable(parameters) : null,
    requestBody ? bodyLine(requestBody) : null,
    make("p", {}, `Responses: ${answers.join("; ")}.`),
  );
}

/** @param {Parameter[]} parameters */
function parameterTable(parameters) {
  return tableOf(
    {
      Parameter: ({ name }) => make("code", {}, name),
      "In the": ({ in: place }) => place,
      Type: ({ schema, required }) => `${typeOf(schema)}${required ? ", required" : ""}`,
    },
    parameters,
  );
}

/** @param {Body} body */
function bodyLine({ content }) {
  const [[type, { schema }]] = Object.entries(content);
  return make("p", {}, "Body: ", make("code", {}, type), ` ${typeOf(schema)}`);
}

/** @param {Answer} answer */
function kindOf({ description, content = {} }) {
  const [first] = Object.entries(content);
  if (!first) return description;
  const [type, { schema }] = first;
  return schema?.$ref || schema?.items ? typeOf(schema) : type;
}

/**
 * @param {string} name
 * @param {Model} model
 */
function modelSection(name, { description = "", properties = {} }) {
  const fields = tableOf(
    { Field: ([field]) => make("code", {}, field), Type: ([, schema]) => typeOf(schema) },
    Object.entries(properties),
  );
  return make("section", {}, make("h3", {}, name), ...paragraphs(description), fields);
}

/**
 * @param {Schema} schema
 * @returns {string}
 */
function typeOf(schema) {
  if (schema.$ref) return schema.$ref.replace(/^.*\//, "");
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.join(" or ");
  if (schema.const) return schema.const;
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}`;
  return schema.format ?? schema.type ?? "anything";
}

/** @param {string} text */
function paragraphs(text) {
  return text.split(/\n\s*\n/).map((part) => make("p", { className: "description" }, part));
}

/**
 * @template Row
 * @param {Record<string, (row: Row) => Cell>} columns
 * @param {Row[]} rows
 */
function tableOf(columns, rows) {
  const table = make("table");
  fillTable(table, columns, rows);
  return make("div", { className: "wide" }, table);
}
