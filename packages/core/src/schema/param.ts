// Run params: what a job declares, what the levels fill in, and what a task ends up with (semantics, section 2).

import { type Static, Type } from "typebox";
import { closed, Extension, mapOf, Name, oneOf, ParamName } from "./scalars.ts";

export const UsageType = oneOf(
  ["ENV", "TEMPLATE", "RUNNER", "SYSTEM"],
  "`ENV`: environment variable. `TEMPLATE`: replaces `${NAME}` in the runner spec. `RUNNER`: configures the runner.",
);
export type UsageType = Static<typeof UsageType>;

export const ValueType = oneOf(
  ["TEXT", "NUMBER", "BOOLEAN", "ENUM", "HTTP_ENUM", "K8S_CONFIG_MAP", "K8S_SECRET"],
  "How a value is checked.",
);
export type ValueType = Static<typeof ValueType>;

export const Scalar = Type.Union([Type.String({ maxLength: 65536 }), Type.Number(), Type.Boolean()]);
export type Scalar = Static<typeof Scalar>;

export const EnumOption = Type.Union([
  Type.String({ maxLength: 256 }),
  closed({ value: Type.String({ maxLength: 256 }), label: Type.Optional(Type.String({ maxLength: 256 })) }),
]);

const describing = {
  displayName: Type.Optional(Type.String({ maxLength: 128 })),
  description: Type.Optional(Type.String({ maxLength: 4096 })),
};

/** A param that a job declares. */
export const RunParam = closed(
  {
    name: ParamName,
    ...describing,
    required: Type.Optional(Type.Boolean({ description: "A run without a value for it is refused." })),
    usageType: Type.Optional(UsageType),
    valueType: Type.Optional(ValueType),
    enumOptions: Type.Optional(
      Type.Array(EnumOption, { maxItems: 256, description: "The values that an ENUM param may have." }),
    ),
    httpEnumConfig: Type.Optional(
      closed(
        {
          url: Type.String({ maxLength: 2048 }),
          labelKey: Type.Optional(Type.String({ maxLength: 128 })),
          valueKey: Type.Optional(Type.String({ maxLength: 128 })),
        },
        {
          description:
            "Where a form gets the options of an HTTP_ENUM param; the value itself is checked as TEXT.",
        },
      ),
    ),
    value: Type.Optional(Scalar),
    example: Type.Optional(Type.String({ maxLength: 4096 })),
    readOnly: Type.Optional(Type.Boolean({ description: "The value is final: no higher level changes it." })),
    sensitive: Type.Optional(Type.Boolean({ description: "Encrypted at rest, shown as `***`." })),
    searchLabel: Type.Optional(Type.Boolean({ description: "Its value becomes a label of the task." })),
    eventInject: Type.Optional(Type.Boolean({ description: "A trigger may fill it from its event." })),
    deprecated: Type.Optional(Type.Boolean({ description: "`lint` warns where it is filled." })),
    extension: Type.Optional(Extension),
  },
  { description: "A param that a job declares." },
);
export type RunParam = Static<typeof RunParam>;

const StageOrTask = Type.Union([Name, Type.Integer({ minimum: 1 })], {
  description: "A name, or a number from 1.",
});

/** Which stages and tasks a value is for. */
export const ParamScope = Type.Union(
  [Type.Literal("*"), closed({ stage: Type.Optional(StageOrTask), task: Type.Optional(StageOrTask) })],
  { description: "`*`, or a stage and a task by name or number; what is left out matches all." },
);
export type ParamScope = Static<typeof ParamScope>;

/** A value for a declared param, given by a pipeline, a stage, a task or a run request. */
export const ParamValue = closed({
  name: ParamName,
  value: Scalar,
  readOnly: Type.Optional(Type.Boolean()),
  sensitive: Type.Optional(Type.Boolean()),
  scope: Type.Optional(ParamScope),
});
export type ParamValue = Static<typeof ParamValue>;

/** Values as a map `NAME: value`, or as a list when one needs `readOnly` or `scope`. */
export const ParamValues = Type.Union(
  [Type.Array(ParamValue, { maxItems: 512 }), mapOf(ParamName, Scalar, { maxProperties: 512 })],
  {
    description: "Values as a map `NAME: value`, or as a list of `{name, value, readOnly, scope}`.",
  },
);
export type ParamValues = Static<typeof ParamValues>;

/** The list form of values given in either form. */
export function paramValueList(values: ParamValues | undefined): ParamValue[] {
  if (!values) return [];
  if (Array.isArray(values)) return values;
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

/** Which level set an effective param, lowest precedence first. */
export const SetBy = oneOf(["SYSTEM", "JOB", "PIPELINE", "STAGE", "TASK", "RUN", "RUNTIME_ENV"]);
export type SetBy = Static<typeof SetBy>;

/** A param as a task runs with it. A sensitive value is sealed here and shown as `***` everywhere else. */
export const EffectiveParam = closed({
  name: ParamName,
  value: Type.String(),
  usageType: UsageType,
  valueType: ValueType,
  sensitive: Type.Optional(Type.Boolean()),
  setBy: SetBy,
});
export type EffectiveParam = Static<typeof EffectiveParam>;
