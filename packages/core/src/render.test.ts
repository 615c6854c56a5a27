import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { renderSpec, templateReferences } from "./render.ts";
import type { EffectiveParam, ValueType } from "./schema/param.ts";

function template(name: string, value: string, valueType: ValueType = "TEXT"): EffectiveParam {
  return { name, value, valueType, usageType: "TEMPLATE", setBy: "RUN" };
}

describe("renderSpec", () => {
  test("a scalar that is one whole reference takes the param's type, a longer one stays text", () => {
    const params = [
      template("N", "3", "NUMBER"),
      template("B", "true", "BOOLEAN"),
      template("T", "3"),
      template("E", "false", "ENUM"),
    ];
    expect(
      renderSpec(
        {
          number: "${N}",
          boolean: "${B}",
          text: "${T}",
          enum: "${E}",
          inside: "n=${N} b=${B}",
          spaced: " ${N}",
          line: "${N}\n",
          twice: "${N}${N}",
          list: ["${N}", { deep: "${B}" }, null, 7, false],
        },
        params,
      ),
    ).toEqual({
      number: 3,
      boolean: true,
      text: "3",
      enum: "false",
      inside: "n=3 b=true",
      spaced: " 3",
      line: "3\n",
      twice: "33",
      list: [3, { deep: true }, null, 7, false],
    });
  });

  test("only TEMPLATE params are replaced; everything else may be meant for a shell", () => {
    const env: EffectiveParam = {
      name: "HOME",
      value: "x",
      valueType: "TEXT",
      usageType: "ENV",
      setBy: "JOB",
    };
    const spec = { run: "echo ${HOME} ${UNKNOWN} $IMAGE ${IMAGE:-x} ${IMAGE} ${}", whole: "${HOME}" };
    expect(renderSpec(spec, [env, template("IMAGE", "node")])).toEqual({
      run: "echo ${HOME} ${UNKNOWN} $IMAGE ${IMAGE:-x} node ${}",
      whole: "${HOME}",
    });
  });

  test("$${X} is a literal ${X}, declared or not", () => {
    expect(
      renderSpec({ a: "$${X}", b: "$${Y} ${X} $${X}", c: "$$${X}", d: "$$ ${X}" }, [template("X", "1")]),
    ).toEqual({ a: "${X}", b: "${Y} 1 ${X}", c: "$${X}", d: "$$ 1" });
  });

  test("keys stay as they are, odd ones included", () => {
    const spec = JSON.parse(
      '{"${X}": "${X}", "$${X}": 1, "__proto__": {"a": "${X}"}, "constructor": "${X}"}',
    );
    expect(JSON.stringify(renderSpec(spec, [template("X", "1")]))).toBe(
      '{"${X}":"1","$${X}":1,"__proto__":{"a":"1"},"constructor":"1"}',
    );
  });

  test.each([
    "${OTHER}",
    "$${OTHER}",
    '"\nrun: rm -rf /\n#',
    "a: [1, {b: 2}]",
    "&anchor *alias",
    "$& $1 $` $' $$",
    "line\n  - another: item",
  ])("defect 9: the value %j is text and cannot rewrite the spec", (value) => {
    expect(
      renderSpec({ steps: [{ run: "echo ${X} ${OTHER}", image: "${X}" }] }, [
        template("X", value),
        template("OTHER", "other"),
      ]),
    ).toEqual({ steps: [{ run: `echo ${value} other`, image: value }] });
  });

  test("a value that does not fit its type stays text", () => {
    expect(
      renderSpec({ n: "${N}", b: "${B}" }, [
        template("N", "many", "NUMBER"),
        template("B", "yes", "BOOLEAN"),
      ]),
    ).toEqual({ n: "many", b: "yes" });
  });

  test("a declared TEMPLATE param without a value is empty text when the declarations are given", () => {
    const spec = { run: "build --flags=${FLAGS} ${SET} ${ENVIRONMENT}", whole: "${FLAGS}" };
    const params = [template("SET", "set")];
    const declared = [
      { name: "FLAGS", usageType: "TEMPLATE" as const, valueType: "NUMBER" as const },
      { name: "SET", usageType: "TEMPLATE" as const },
      { name: "ENVIRONMENT" },
    ];
    expect(renderSpec(spec, params, declared)).toEqual({
      run: "build --flags= set ${ENVIRONMENT}",
      whole: "",
    });
    expect(renderSpec(spec, params)).toEqual({
      run: "build --flags=${FLAGS} set ${ENVIRONMENT}",
      whole: "${FLAGS}",
    });
  });

  const key = fc.constantFrom("a", "b", "${X}", "$${X}", "__proto__", "steps");
  const text = fc
    .array(fc.constantFrom("${X}", "${N}", "$${X}", "$", "{", "}", "${", "X", " ", "\n", "${Z}"), {
      maxLength: 5,
    })
    .map((parts) => parts.join(""));
  const { node } = fc.letrec<{ node: unknown; object: Record<string, unknown> }>((tie) => ({
    node: fc.oneof(
      { depthSize: "small" },
      text,
      fc.integer(),
      fc.constant(null),
      fc.array(tie("node")),
      tie("object"),
    ),
    object: fc.dictionary(key, tie("node"), { maxKeys: 4 }),
  }));

  test("property: rendering never changes structure or keys, and leaves its input alone", () => {
    const shape = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shape);
      if (typeof value !== "object" || value === null) return "scalar";
      return Object.entries(value).map(([name, child]) => [name, shape(child)]);
    };
    fc.assert(
      fc.property(node, text, (value, given) => {
        const spec = { value };
        const before = structuredClone(spec);
        const rendered = renderSpec(spec, [template("X", given), template("N", "5", "NUMBER")]);
        expect(shape(rendered)).toEqual(shape(spec));
        expect(spec).toEqual(before);
      }),
    );
  });

  test("property: a spec without references is rendered to itself", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!JSON.stringify(value).includes("${"));
        expect(renderSpec({ value }, [template("X", "1")])).toEqual({ value });
      }),
    );
  });
});

describe("templateReferences", () => {
  test("names every reference in document order with a JSON pointer; escaped ones are none", () => {
    expect(
      templateReferences({
        "a/b~c": ["plain", "${ONE}", { run: "echo ${TWO} $${NOT} ${ONE} $X ${X:-y}" }],
        "${KEY}": 1,
        "pre-${PART}": "${THREE}\n",
        "$${NOT}": null,
      }),
    ).toEqual([
      { name: "ONE", pointer: "/a~1b~0c/1", inKey: false, whole: true },
      { name: "TWO", pointer: "/a~1b~0c/2/run", inKey: false, whole: false },
      { name: "ONE", pointer: "/a~1b~0c/2/run", inKey: false, whole: false },
      { name: "KEY", pointer: "/${KEY}", inKey: true, whole: true },
      { name: "PART", pointer: "/pre-${PART}", inKey: true, whole: false },
      { name: "THREE", pointer: "/pre-${PART}", inKey: false, whole: false },
    ]);
  });
});
