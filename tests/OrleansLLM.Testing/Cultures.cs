using System.Globalization;
using Xunit;

namespace OrleansLLM.Testing;

/// <summary>
/// Locales that write numbers, signs and dates otherwise: a decimal comma, an Arabic letter mark before the minus, U+2212 for it, the
/// Buddhist calendar. `./test` runs suites in each of them as well.
/// </summary>
public static class Cultures
{
    public static IReadOnlyList<string> Names { get; } = ["de-DE", "ar-SA", "sv-SE", "th-TH"];

    /// <summary>Runs something as on a machine of that locale; the test is skipped on a machine that knows no locales.</summary>
    public static T In<T>(string name, Func<T> run)
    {
        Assert.SkipUnless(
            CultureInfo.GetCultureInfo("de-DE").NumberFormat.NumberDecimalSeparator == ",",
            "This process runs without ICU (libicu), so that all locales are alike.");
        var before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(name);
        try
        {
            return run();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    /// <summary>What <paramref name="run"/> gives in each of them.</summary>
    public static IEnumerable<(string Culture, T Result)> InEach<T>(Func<T> run) => Names.Select(name => (name, In(name, run)));
}
