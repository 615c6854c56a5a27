import * as TypeBox from "typebox";
import { expect, test } from "vitest";
import { Type } from "./type.ts";

/** A schema of every builder with every kind of option, made with the builders given. */
function schemasWith(type: typeof Type) {
  const name = type.String({ pattern: "^[a-z]+$", maxLength: 63, description: "A name." });
  const titled = type.With(type.Optional(name), { title: "What it is for." });
  const map = type.Object(
    { name, titled, count: type.Optional(type.Integer({ minimum: 1 })), ratio: type.Number() },
    { additionalProperties: false, description: "A map." },
  );
  return {
    name,
    titled,
    map,
    allOptional: type.Object({ titled }),
    flag: type.Boolean({ description: "Yes or no." }),
    choice: type.Enum(["A", "B"], { description: "One of two." }),
    literals: [type.Literal("x", { description: "x." }), type.Literal(1), type.Literal(true)],
    list: type.Array(map, { minItems: 1, maxItems: 9 }),
    record: type.Record(type.String(), map, { propertyNames: name, maxProperties: 3 }),
    patterned: type.Record(name, type.Unknown({ description: "Anything." })),
    union: type.Union([map, type.Null(), name], { description: "One of three." }),
  };
}

test("every builder makes the JSON Schema that TypeBox makes", () => {
  expect(JSON.stringify(schemasWith(Type))).toBe(JSON.stringify(schemasWith(TypeBox.Type)));
});

test("a schema within another one is kept as it is, so that it can be told by identity", () => {
  const item = Type.Object({ name: Type.String() });
  const others = Type.Array(item);
  const either = Type.Union([item, Type.Null()]);
  const map = Type.Object({ item });
  expect([others.items === item, either.anyOf[0] === item, map.properties.item === item]).toEqual([
    true,
    true,
    true,
  ]);
});
