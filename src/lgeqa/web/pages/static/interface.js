// The HTTP interface for people, from its description for machines.

import { untilHeard, ask } from "./api.js";
import { make, one } from "./dom.js";

const { paths, components } = await untilHeard(() => ask("/openapi.json"));
one("#example").textContent = [
  `curl -H "Authorization: Bearer TOKEN" -F file=@scan.nrrd ${location.origin}/api/uploads`,
  `curl -H "Authorization: Bearer TOKEN" ${location.origin}/api/scans?end=non-diagnostic`,
].join("\n");
one("#routes").append(
  ...Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, route]) => section(`${method.toUpperCase()} ${path}`, route)),
  ),
  make("h2", {}, "What is given"),
  ...Object.entries(components.schemas).filter(([, { properties }]) => properties).map(([name, schema]) => model(name, schema)),
);
document.body.dataset.ready = "";

function section(title, { description = "", parameters = [], requestBody, responses }) {
  return make(
    "section",
    {},
    make("h2", {}, make("code", {}, title)),
    ...paragraphs(description),
    parameters.length ? table(["Give", "Where", "As"], parameters.map(parameterRow)) : null,
    requestBody ? make("p", {}, "Body: ", make("code", {}, Object.keys(requestBody.content)[0]), " ", ...bodyOf(requestBody)) : null,
    make("p", {}, "Answers: ", Object.entries(responses).map(([status, answer]) => `${status} ${kindOf(answer)}`).join("; "), "."),
  );
}

function parameterRow({ name, in: where, schema, required }) {
  return [make("code", {}, name), where, `${words(schema)}${required ? ", required" : ""}`];
}

function bodyOf({ content }) {
  return [words(Object.values(content)[0].schema)];
}

function kindOf({ description, content = {} }) {
  const [type, { schema } = {}] = Object.entries(content)[0] ?? [];
  return schema?.$ref || schema?.items ? words(schema) : type ?? description;
}

function model(name, { description = "", properties }) {
  const rows = Object.entries(properties).map(([field, schema]) => [make("code", {}, field), words(schema)]);
  return make("section", {}, make("h3", {}, name), ...paragraphs(description), table(["Field", "Holds"], rows));
}

function words(schema) {
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.anyOf) return schema.anyOf.map(words).join(" or ");
  if (schema.enum || schema.const) return (schema.enum ?? [schema.const]).join(" or ");
  if (schema.type === "array") return `list of ${words(schema.items ?? { type: "anything" })}`;
  return schema.format ?? schema.type ?? "anything";
}

function paragraphs(text) {
  return text.split(/\n\s*\n/).map((part) => make("p", { className: "told" }, part));
}

function table(heads, rows) {
  const head = make("thead", {}, make("tr", {}, ...heads.map((word) => make("th", { scope: "col" }, word))));
  const body = make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell)))));
  return make("div", { className: "wide" }, make("table", {}, head, body));
}
