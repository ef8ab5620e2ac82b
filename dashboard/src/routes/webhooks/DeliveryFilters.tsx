import { FilterToggle } from "@/components/FilterBar";
import { type DeliveryState, deliveryStates } from "@/services/webhooks";

/** The states to choose from, one or more. None chosen means all. */
export function StateFilter({
  chosen,
  onChange,
}: {
  chosen: readonly DeliveryState[];
  onChange: (states: DeliveryState[] | undefined) => void;
}) {
  return (
    <>
      {deliveryStates.map((state) => (
        <FilterToggle
          key={state}
          active={chosen.includes(state)}
          onClick={() => {
            const next = deliveryStates.filter((each) => (each === state) !== chosen.includes(each));
            onChange(next.length > 0 ? next : undefined);
          }}
        >
          {state}
        </FilterToggle>
      ))}
    </>
  );
}
