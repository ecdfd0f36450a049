using OrleansLLM.Templates.Library;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates;

/// <summary>What templates do to text, for code that has to do the same: Python's white space is not .NET's.</summary>
public static class PythonText
{
    /// <summary>As <c>str.strip()</c>.</summary>
    public static string Strip(string text) => Strip(text, StripEnds.Both);

    /// <summary>As <c>str.rstrip()</c>.</summary>
    public static string StripEnd(string text) => Strip(text, StripEnds.Right);

    private static string Strip(string text, StripEnds ends) => TextOperations.Strip(new TextValue(text), null, ends).Text;
}
