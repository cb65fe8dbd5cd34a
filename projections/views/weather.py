"""The weather."""

from typing import Annotated

from pydantic import Field

from projections.race import Race
from projections.views.rows import Heading, MomentMs, Row, RowModel


class WeatherMeasuredRow(RowModel):
    """The weather at a time; null for what was not measured."""

    at_ms: Annotated[MomentMs, Heading("At")]
    air_c: Annotated[float | None, Heading("Air"), Field(description="Celsius")]
    track_c: Annotated[float | None, Heading("Track"), Field(description="Celsius")]
    humidity_percent: Annotated[float | None, Heading("Humidity %")]
    pressure_hpa: Annotated[float | None, Heading("hPa")]
    wind_kph: Annotated[float | None, Heading("Wind km/h")]
    wind_direction_deg: Annotated[int | None, Heading("from"), Field(description="degrees")]
    rain: Annotated[bool | None, Heading("Rain")]


def weather(race: Race) -> list[Row]:
    """The measurements, in order."""
    return [
        {
            "at_ms": one.at,
            "air_c": one.air_c,
            "track_c": one.track_c,
            "humidity_percent": one.humidity_percent,
            "pressure_hpa": one.pressure_hpa,
            "wind_kph": one.wind_kph,
            "wind_direction_deg": one.wind_direction_deg,
            "rain": one.rain,
        }
        for one in race.weather.measured
    ]
