using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using OrleansLLM.Testing;

namespace OrleansLLM.Templates.Tests;

/// <summary>A template renders the same on every machine.</summary>
public sealed class CultureTests
{
    private static readonly FakeTimeProvider Clock = new(new DateTimeOffset(2026, 7, 9, 13, 5, 6, TimeSpan.Zero));

    [Theory]
    [InlineData("{{ 2.567 | round(2) }} {{ -2.567 | round(1) }} {{ 12345 | round(-2) }} {{ 2.5 | round(1, 'floor') }}", "2.57 -2.6 12300 2.5")]
    [InlineData("{{ 1.5 }} {{ -0.25 }} {{ 1e300 }} {{ 3 / 2 }} {{ -7 // 2 }} {{ '%.2f' | format(1234.5) }} {{ '%+d' | format(-3) }}", "1.5 -0.25 1e+300 1.5 -4 1234.50 -3")]
    [InlineData("{{ '{:,.2f}'.format(-1234567.891) }} {{ '{:>8}'.format(-3) }} {{ '{:e}'.format(0.00012) }}", "-1,234,567.89       -3 1.200000e-04")]
    [InlineData("{{ '3.25' | float }} {{ '-4' | int }} {{ 1234567.891 | string }} {{ [1.5, -2] | tojson }} {{ 1500000 | filesizeformat }}", "3.25 -4 1234567.891 [1.5, -2] 1.5 MB")]
    [InlineData("{{ 'I' | lower }}{{ 'i' | upper }} {{ 'istanbul' | capitalize }} {{ ['b', 'A', 'ä'] | sort | join }} {{ strftime_now('%Y-%m-%d %H:%M:%S %A %B') }}", "iI Istanbul Abä 2026-07-09 13:05:06 Thursday July")]
    [InlineData("{{ 'abc'[-2:] }} {{ 'x' * 3 }} {{ range(-2, 2) | list }} {{ [3, -1] | max }} {{ -5 | abs }}", "bc xxx [-2, -1, 0, 1] 3 5")]
    public void A_template_renders_the_same_in_every_locale(string source, string expected) => Assert.All(
        Cultures.InEach(() => Template.Compile(source, Clock).Render([]).Text),
        result => Assert.Equal((result.Culture, expected), result));

    [Fact]
    public void The_machine_knows_these_locales()
    {
        Assert.Equal("0,5", Cultures.In("de-DE", () => 0.5.ToString(CultureInfo.CurrentCulture)));
        Assert.Equal("\u061C-1", Cultures.In("ar-SA", () => (-1).ToString(CultureInfo.CurrentCulture)));
        Assert.Equal("\u22121", Cultures.In("sv-SE", () => (-1).ToString(CultureInfo.CurrentCulture)));
        Assert.Equal("2569", Cultures.In("th-TH", () => new DateTime(2026, 1, 1).ToString("yyyy", CultureInfo.CurrentCulture)));
    }
}
